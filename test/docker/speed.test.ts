// What the wall costs: the time of a start, and calls inside against calls outside, in one run.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { loadGenerator } from "../../bench/load.js";
import { NodeProcess } from "../../src/testing/node-process.js";
import { readText } from "../source-tree.js";
import type { Container } from "./container.js";
import { docker } from "./docker.js";
import { Stack } from "./stack.js";

const startLimitMs = 2_000;
const starts = 5;
const rounds = 3;
let stack: Stack;
let inside: Container;

before(async () => {
  stack = await Stack.of("compose.yaml");
  inside = await stack.start("node");
  await inside.ready();
});

after(() => stack?.remove());

test("a container serves within two seconds of its start", async (t) => {
  const times: number[] = [];
  for (let start = 0; start < starts; start++) {
    await docker(["restart", inside.name]);
    times.push(await inside.ready());
  }
  const median = times.sort((left, right) => left - right)[starts >> 1] ?? Number.NaN;
  t.diagnostic(`start to ready: ${times.map(Math.round).join(", ")} ms, median ${Math.round(median)} ms`);
  assert.ok(median <= startLimitMs, `${Math.round(median)} ms`);
});

test("calls inside are about as many as outside", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "herd-outside-"));
  // As the container is configured, but for the place.
  const settings = join(folder, "node.json");
  await writeFile(settings, JSON.stringify({ ...JSON.parse(readText("runtime/container/node.json")), port: 0 }));
  const outside = await NodeProcess.start(["--config", settings, "--state", join(folder, "state"), "--peer-port", "0"]);
  try {
    const body = readText("functions/thesis.ts");
    const headers = { "content-type": "application/typescript" };
    const token = (await inside.exec(["herd", "token", "create", "--role", "admin"])).trim();
    const ca = await inside.ca();
    const targets = {
      inside: { url: await addressOf(inside), token, ca, client: await inside.client({ token, ca }) },
      outside: {
        url: outside.ready.url,
        token: outside.ready.token ?? "",
        ca: outside.ca,
        client: outside.client(outside.ready.token),
      },
    };
    const rates: Record<keyof typeof targets, number[]> = { inside: [], outside: [] };
    for (const { client } of Object.values(targets))
      await client.send("/v1/apps/thesis", { method: "PUT", body, headers });
    for (let round = 0; round < rounds; round++) {
      for (const side of ["inside", "outside"] as const) {
        const { url, token, ca } = targets[side];
        const load = { url: `${url}/fn/thesis/factorial`, ca, token, body: "[10]", connections: 32, seconds: 3 };
        const { callsPerSecond, failed } = await loadGenerator().run(load);
        assert.equal(failed, 0, side);
        rates[side].push(callsPerSecond);
      }
    }
    const ratio = median(rates.inside) / median(rates.outside);
    const each = (side: keyof typeof rates): string => `${Math.round(median(rates[side]))} calls/s`;
    t.diagnostic(`inside ${each("inside")}, outside ${each("outside")}: ${ratio.toFixed(2)}`);
    // 0.73 to 0.85 where load generator and node share two cores: each packet passes the bridge and the seccomp filter.
    assert.ok(ratio > 0.6, `${ratio.toFixed(2)} of the calls outside`);
  } finally {
    await outside.stop();
    await rm(folder, { recursive: true, force: true });
  }
});

/** The container's own address: the published port's proxy is the engine's, and its cost is not the wall's. */
async function addressOf(container: Container): Promise<string> {
  const [network] = Object.values((await container.state()).NetworkSettings.Networks);
  return `https://${network?.IPAddress}:8443`;
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[values.length >> 1] ?? Number.NaN;
}
