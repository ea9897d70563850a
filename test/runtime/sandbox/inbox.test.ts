// The inbox: what the main thread leaves is what the worker reads, whatever the text and however full it is.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { Inbox } from "../../../runtime/sandbox/inbox.js";
import type { CallMessage } from "../../../runtime/sandbox/messages.js";
import { maxBatch } from "../../../runtime/sandbox/result-buffer.js";

function sides(): { main: Inbox; worker: Inbox } {
  const main = new Inbox();
  return { main, worker: new Inbox(main.shared) };
}

function call(body: CallMessage["body"], more: Partial<CallMessage> = {}): CallMessage {
  return { revision: 0, functionIndex: 0, format: "json", body, ...more };
}

test("a full batch is read as it was written: text of every width, both formats, the largest numbers", () => {
  const { main, worker } = sides();
  const texts = ["", "[1]", '["é"]', '["€"]', '["😀"]', '["\u0000"]', "x".repeat(1_000)];
  const calls = Array.from({ length: maxBatch }, (_, index) =>
    call(texts[index % texts.length] ?? "", {
      revision: 2 ** 31 - 1 - index,
      functionIndex: index,
      format: index % 2 === 0 ? "json" : "query",
    }),
  );
  for (let round = 0; round < 3; round++) {
    main.begin();
    assert.ok(
      calls.every((one) => main.add(one)),
      "all bodies have room",
    );
    main.post(false);
    worker.wait();
    assert.deepEqual([worker.calls, worker.hasExtras], [maxBatch, false]);
    assert.deepEqual(
      calls.map((_, index) => worker.read(index)),
      calls,
    );
    worker.end();
  }
});

test("a body without room, and one in memory of its own, are left to the extras; later ones still find room", () => {
  const { main, worker } = sides();
  main.begin();
  assert.equal(main.add(call("€".repeat(80_000))), true);
  assert.equal(main.add(call("x".repeat(10_000), { functionIndex: 1 })), false);
  assert.equal(main.add(call(new SharedArrayBuffer(8), { functionIndex: 2, format: "query" })), false);
  assert.equal(main.add(call("[3]", { functionIndex: 3 })), true);
  main.post(true);
  worker.wait();
  assert.equal(worker.hasExtras, true);
  assert.equal(worker.read(0).body?.length, 80_000);
  assert.deepEqual(worker.read(1), { revision: 0, functionIndex: 1, format: "json", body: undefined });
  assert.deepEqual(worker.read(2), { revision: 0, functionIndex: 2, format: "query", body: undefined });
  assert.equal(worker.read(3).body, "[3]");
  worker.end();
});

test("a batch that is abandoned ends for the main thread too", async () => {
  const { main } = sides();
  main.begin();
  const ended = main.post(false);
  assert.ok(ended !== undefined, "no worker has ended it");
  main.abandon();
  await ended;
});

test("a worker that waits gets each batch once, and the main thread each end", async () => {
  const main = new Inbox();
  const inboxUrl = new URL("../../../runtime/sandbox/inbox.js", import.meta.url).href;
  const script = `
    import { workerData } from "node:worker_threads";
    const { Inbox } = await import(${JSON.stringify(inboxUrl)});
    const { shared, counts } = workerData;
    const inbox = new Inbox(shared);
    const words = new Int32Array(counts);
    for (let left = 1_000; left > 0; left--) {
      inbox.wait();
      words[0] += Number(inbox.read(0).body);
      inbox.end();
    }
  `;
  const counts = new SharedArrayBuffer(4);
  const url = new URL(`data:text/javascript,${encodeURIComponent(script)}`);
  const worker = new Worker(url, { workerData: { shared: main.shared, counts } });
  for (let batch = 1; batch <= 1_000; batch++) {
    main.begin();
    main.add(call(String(batch)));
    await main.post(false);
  }
  assert.equal(new Int32Array(counts)[0], 500_500);
  await new Promise((resolve) => worker.once("exit", resolve));
});

test("a late notice of the batch before does not end a batch", async () => {
  const { main, worker } = sides();
  main.begin();
  let ended = false;
  const end = main.post(false)?.then(() => {
    ended = true;
  });
  worker.wait();
  // What a thread does that was held up between its count of the batch before and the notice.
  Atomics.notify(new Int32Array(main.shared), 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(ended, false);
  worker.end();
  await end;
  assert.equal(ended, true);
});

test("a late notice of a batch that was seen is no batch", async () => {
  const { main, worker } = sides();
  main.begin();
  main.post(false);
  assert.equal(worker.wait(), true);
  // What a main thread does that was held up between its count of that batch and the notice.
  const late = new Worker(
    `const { workerData } = require("node:worker_threads");
    const notices = setInterval(() => Atomics.notify(new Int32Array(workerData), 0), 20);
    setTimeout(() => clearInterval(notices), 200);`,
    { eval: true, workerData: main.shared },
  );
  await once(late, "online");
  assert.equal(worker.wait(300), false);
  await once(late, "exit");
});
