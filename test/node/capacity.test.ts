// A whole node measures itself once it serves, in the sandbox that runs its calls, and remembers over a restart.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { kernels } from "../../src/capacity/capacity.js";
import { buildKernels } from "../capacity/built-kernels.js";
import { until } from "../mesh/processes.js";
import { callText, deployText, type RealNode, startNode } from "../server/real-node.js";

before(buildKernels);

/** What the node's metrics say of each kernel; zeros until it was measured. */
async function capacityOf({ client }: RealNode): Promise<number[]> {
  const { text } = await client.send("/metrics");
  return kernels.map((kernel) =>
    Number(new RegExp(`^herd_capacity\\{kernel="${kernel}"\\} (.*)$`, "m").exec(text)?.[1]),
  );
}

test("a node that serves measures itself, answers calls meanwhile, and knows it after a restart", {
  timeout: 400_000,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "herd-capacity-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const first = await startNode({ profile: true }, folder);
  let measured: number[] = [];
  try {
    await deployText(first.client, "sum", "export function add(a: i32, b: i32): i32 { return a + b; }");
    assert.equal(await callText(first.client, "sum/add", "[1,2]"), "3");
    const isKnown = async (): Promise<boolean> => {
      measured = await capacityOf(first);
      return measured.every((rate) => rate > 0);
    };
    await until("the capacity", isKnown, { limitMs: 200_000 });
    assert.equal(await callText(first.client, "sum/add", "[20,22]"), "42");
  } finally {
    await first.stop();
  }
  const again = await startNode({ profile: true }, folder);
  try {
    // Nobody can have measured in so short a time what is the same to the last digit.
    await until("what was kept", async () => (await capacityOf(again))[0] !== 0, { limitMs: 60_000 });
    assert.deepEqual(await capacityOf(again), measured);
  } finally {
    await again.stop();
  }
});

test("a node that stops while it measures stops in time", { timeout: 120_000 }, async () => {
  const node = await startNode({ profile: true });
  // Nobody calls: what runs is a kernel. A slow reader may see only that it is over.
  const measures = async (): Promise<boolean> => {
    const { text } = await node.client.send("/metrics");
    return /^herd_sandbox_running [1-9]/m.test(text) || !/^herd_capacity\{kernel="matrix"\} 0$/m.test(text);
  };
  await until("a kernel to run", measures, { limitMs: 60_000 }).finally(() => node.stop());
});
