// Deploys of generated programs over HTTPS, timed.
import { Agent, request } from "node:https";
import type { Target } from "./processes.js";

const deploys = 7;

/** A node that takes uploads. */
export type Uploads = Pick<Target, "url" | "ca" | "token">;

/** About so many lines of AssemblyScript that differ from run to run: seven of them export a function on records. */
export function program({ lines, run }: { readonly lines: number; readonly run: number }): string {
  const text = [`// run ${run}`, "export class Point { x: f64 = 0; y: f64 = 0; }", "const scale: f64 = 1.5;"];
  for (let n = 0; text.length < lines; n++) {
    text.push(
      `export function total${n}(points: Array<Point>, name: string = "p"): string {`,
      `  let sum: f64 = ${run};`,
      "  for (let i = 0; i < points.length; i++) {",
      "    sum += points[i].x * scale + points[i].y;",
      "  }",
      `  return name + "${n}:" + sum.toString();`,
      "}",
    );
  }
  return text.join("\n");
}

/** Milliseconds from the upload of a source of 100 lines to the answer, with a warm compiler; for several uploads. */
export async function deployTimes(target: Uploads): Promise<number[]> {
  const times: number[] = [];
  // The first two warm the compiler up.
  for (let run = -2; run < deploys; run++) times.push(await deployMs(target, program({ lines: 100, run })));
  return times.slice(2);
}

/** Milliseconds from the upload of `source` over a new connection to the node's answer. */
export async function deployMs({ url, ca, token }: Uploads, source: string): Promise<number> {
  const agent = new Agent({ ca });
  const from = performance.now();
  try {
    await new Promise<void>((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, "content-type": "text/plain" };
      const sent = request(`${url}/v1/apps/bench-deploy`, { method: "PUT", agent, headers }, (response) => {
        response.resume();
        response.once("end", () => {
          if (response.statusCode === 200 || response.statusCode === 201) resolve();
          else reject(new Error(`the deploy was answered with ${response.statusCode}`));
        });
      });
      sent.once("error", reject);
      sent.end(source);
    });
    return performance.now() - from;
  } finally {
    agent.destroy();
  }
}
