// A node whose worker threads all end says over HTTPS that it cannot run calls, for as long as that is so, and heals by
// itself.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import type { Problem } from "../../src/api/problem-document.js";
import { ProblemError } from "../../src/client/errors.js";
import { callText, deployText, type RealNode, startNode } from "../harness/tls/real-node.js";

/** Threads that have loaded their modules: on Node 20 the end of another would be that of the process. */
const loaded = new Set<Worker>();
let endsWhatBoots = false;
process.on("worker", (worker: Worker) => {
  worker.once("message", () => {
    loaded.add(worker);
    if (endsWhatBoots) void worker.terminate();
  });
  worker.once("exit", () => loaded.delete(worker));
});

let node: RealNode;
before(async () => {
  node = await startNode();
  await deployText(node.client, "demo", "export function twice(n: i32): i32 { return n * 2; }");
});
after(() => node.stop());

type Readiness = Pick<Problem, "status"> & Partial<Problem>;

/** Status of `/readyz`, and its problem while the node is not ready. */
async function readiness(): Promise<Readiness> {
  try {
    return { status: (await node.client.send("/readyz")).status };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return error.document;
  }
}

async function until(what: string, isSo: (told: Readiness) => boolean): Promise<Readiness> {
  for (const end = performance.now() + 60_000; ; await sleep(10)) {
    const told = await readiness();
    if (isSo(told)) return told;
    assert.ok(performance.now() < end, `${what} did not come about: ${JSON.stringify(told)}`);
  }
}

function endAll(): void {
  for (const worker of loaded) void worker.terminate();
}

test("while no worker can run, /readyz is 503 and says why, and calls are refused; then all is as before", async () => {
  assert.equal(await callText(node.client, "demo/twice", "[4]"), "8");
  assert.equal((await readiness()).status, 200);
  endsWhatBoots = true;
  endAll();
  const red = await until("red", ({ status }) => status === 503);
  assert.equal(red.code, "node.unavailable");
  assert.match(red.detail ?? "", /no worker thread can run a call/);
  // On a slow machine a thread may have greeted before it was ended: then the time without one begins anew.
  for (let code = "", end = performance.now() + 60_000; code !== "node.unavailable"; ) {
    assert.ok(performance.now() < end, `calls are not refused: ${code}`);
    code = await callText(node.client, "demo/twice", "[4]").then(
      () => "answered",
      (error: unknown) => (error instanceof ProblemError ? error.document.code : String(error)),
    );
    assert.ok(["node.unavailable", "function.deadline"].includes(code), code);
  }
  await until("red as long as it lasts", ({ status }) => status === 503);
  assert.equal((await node.client.send("/healthz")).status, 200, "the process lives");
  endsWhatBoots = false;
  await until("green", ({ status }) => status === 200);
  assert.equal(await callText(node.client, "demo/twice", "[5]"), "10");
});

test("threads that end now and then cost no call that comes after, and are counted by why", async () => {
  endsWhatBoots = false;
  for (let round = 0; round < 5; round++) {
    endAll();
    await until("green", ({ status }) => status === 200);
    const answers = await Promise.all([1, 2, 3, 4].map((n) => callText(node.client, "demo/twice", `[${n}]`)));
    assert.deepEqual(answers, ["2", "4", "6", "8"]);
  }
  const { text } = await node.client.send("/metrics");
  const count = Number(/^herd_sandbox_thread_ends_total\{reason="exited"\} (\d+)$/m.exec(text)?.[1]);
  assert.ok(count >= 5, text.slice(-1_000));
  assert.match(text, /^herd_sandbox_threads \d$/m);
});
