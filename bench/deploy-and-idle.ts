// The time of a deploy once the compiler is warm.
import { Agent, request } from "node:https";
import type { Target } from "./processes.js";

const deploys = 7;

/** Milliseconds from the upload of a source of 100 lines to the answer, with a warm compiler; for several uploads. */
export async function deployTimes(target: Target): Promise<number[]> {
  const agent = new Agent({ ca: target.ca, keepAlive: true });
  const times: number[] = [];
  for (let run = 0; run < deploys + 2; run++) {
    const from = performance.now();
    await put(target, agent, source(run));
    // The first two warm the compiler up.
    if (run >= 2) times.push(performance.now() - from);
  }
  agent.destroy();
  return times;
}

/** A hundred and one lines that differ from run to run. */
function source(run: number): string {
  const lines = [`// run ${run}`, "export class Point { x: f64 = 0; y: f64 = 0; }", "const scale: f64 = 1.5;"];
  for (let n = 0; lines.length < 100; n++) {
    lines.push(
      `export function f${n}(points: Array<Point>, name: string = "p"): string {`,
      `  let sum: f64 = ${run};`,
      "  for (let i = 0; i < points.length; i++) {",
      "    sum += points[i].x * scale + points[i].y;",
      "  }",
      `  return name + "${n}:" + sum.toString();`,
      "}",
    );
  }
  return lines.join("\n");
}

function put(target: Target, agent: Agent, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${target.token}`, "content-type": "text/plain" };
    const sent = request(`${target.url}/v1/apps/bench-deploy`, { method: "PUT", agent, headers }, (response) => {
      response.resume();
      response.once("end", () => {
        if (response.statusCode === 200 || response.statusCode === 201) resolve();
        else reject(new Error(`the deploy was answered with ${response.statusCode}`));
      });
    });
    sent.once("error", reject);
    sent.end(body);
  });
}
