// A whole node measures itself once it serves, in the sandbox that runs its calls, and remembers over a restart. When
// it may, and what it makes of what it measures, is tested without one: `test/capacity/`.

import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { kernels } from "../../src/capacity/capacity.js";
import { buildKernels } from "../capacity/built-kernels.js";
import { until } from "../harness/processes/processes.js";
import { type RealNode, startNode } from "../harness/tls/real-node.js";

before(buildKernels);

/** What the node's metrics say of each kernel; zeros until it was measured. */
async function capacityOf({ client }: RealNode): Promise<number[]> {
  const { text } = await client.send("/metrics");
  return kernels.map((kernel) =>
    Number(new RegExp(`^herd_capacity\\{kernel="${kernel}"\\} (.*)$`, "m").exec(text)?.[1]),
  );
}

/** Whether a node of the folder kept a profile: one that was made while others wanted the cores counts for seconds. */
async function isStored(folder: string): Promise<boolean> {
  const files = await readdir(folder, { recursive: true });
  return files.some((file) => /capacity[\\/]profile/.test(file));
}

/** Runs with a node of the folder that measures itself. */
async function withNode(folder: string, run: (node: RealNode) => Promise<void>): Promise<void> {
  const node = await startNode({ profile: true }, folder);
  await run(node).finally(() => node.stop());
}

test("a node measures its capacity while it serves, again after an interruption, and keeps it over a restart", {
  timeout: 400_000,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "herd-capacity-"));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  await withNode(folder, async ({ client }) => {
    // Nobody calls: what runs is a kernel. A slow reader may see only that it is over.
    const measures = async (): Promise<boolean> => {
      const { text } = await client.send("/metrics");
      return /^herd_sandbox_running [1-9]/m.test(text) || !/^herd_capacity\{kernel="matrix"\} 0$/m.test(text);
    };
    await until("a kernel to run", measures, { limitMs: 100_000 });
  });
  let measured: number[] = [];
  await withNode(folder, async (node) => {
    const isKnown = async (): Promise<boolean> => {
      measured = await capacityOf(node);
      return measured.every((rate) => rate > 0);
    };
    await until("the capacity", isKnown, { limitMs: 200_000 }).catch((error: unknown) => {
      // A starved machine takes nothing that it measures.
      if ((loadavg()[0] ?? 0) < availableParallelism()) throw error;
    });
  });
  if (!(await isStored(folder))) {
    t.skip("the machine was too busy for a figure that is worth keeping");
    return;
  }
  await withNode(folder, async (node) => {
    // Nobody can have measured in so short a time what is the same to the last digit.
    await until("what was kept", async () => (await capacityOf(node))[0] !== 0, { limitMs: 60_000 });
    assert.deepEqual(await capacityOf(node), measured);
  });
});
