// Guests that take time, memory, stack or words without end: each gets its code, and the node goes on.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { compileGuests, Guest, startSandbox } from "./guests.js";

const components = await compileGuests("spin", "exhaust", "fail", "log-flood");
const { sandbox, lines } = await startSandbox({ limit: { logLines: 10, logLineBytes: 100 } });
after(() => sandbox.stop());
const open = async (name: keyof typeof components) => new Guest(sandbox, await sandbox.prepare(components[name], name));
const [spin, exhaust, fail, flood] = [
  await open("spin"),
  await open("exhaust"),
  await open("fail"),
  await open("log-flood"),
];

test("a spinning guest ends at its deadline", async () => {
  const started = Date.now();
  const error = await spin.failure("forever", {}, { deadline: started + 300 });
  const tookMs = Date.now() - started;
  assert.equal(error.code, "function.deadline");
  assert.ok(tookMs >= 290, `took ${tookMs} ms`);
});

test("a spinning guest disturbs no other call", async () => {
  let ended = false;
  const spinning = spin.failure("forever", {}, { deadline: Date.now() + 60_000 }).finally(() => {
    ended = true;
  });
  for (let round = 0; round < 100; round++)
    assert.equal(await spin.call("add", { a: round, b: 1 }), round + 1, `call ${round}`);
  assert.equal(ended, false, "all 100 are answered while it spins");
  await sandbox.preempt(0);
  assert.equal((await spinning).code, "node.paused");
});

test("recursion without end is a stack overflow", async () => {
  const error = await exhaust.failure("recurse", {});
  assert.equal(error.code, "function.trapped");
  assert.equal(error.message, "stack overflow");
});

test("allocation without end runs out of memory, with the cap of the node", async () => {
  assert.equal((await exhaust.failure("allocate", {})).code, "function.out-of-memory");
  assert.equal((await exhaust.failure("allocateOnce", { bytes: 512 * 1024 * 1024 })).code, "function.out-of-memory");
  assert.equal(await exhaust.call("allocateOnce", { bytes: 16 * 1024 * 1024 }), 16 * 1024 * 1024);
});

test("a result over the limit is refused, however it is made", async () => {
  const limit = 6 * 1024 * 1024;
  for (const [name, args] of [
    ["text", { length: limit }],
    ["repeated", { count: 10_000, length: 1_000_000 }],
    ["repeated", { count: 1_000_000, length: 4 }],
    ["wide", { length: 2_100_000 }],
    ["bytes", { length: 5_000_000 }],
  ] as const) {
    const error = await exhaust.failure(name, args);
    assert.equal(error.code, "function.result-too-large", `${name}: ${error.message}`);
  }
});

test("a result just below the limit arrives whole", async () => {
  assert.equal(String(await exhaust.call("text", { length: 6 * 1024 * 1024 - 2 })).length, 6 * 1024 * 1024 - 2);
  assert.equal(await exhaust.call("wide", { length: 2_000_000 }), "€".repeat(2_000_000));
});

test("throw, assert and failed checks tell the message and the place in the source", async () => {
  const thrown = await fail.failure("throws", { message: "no such sheep €" });
  assert.equal(thrown.code, "function.trapped");
  assert.equal(thrown.message, "no such sheep €");
  assert.equal(thrown.where, "index.ts:3:3");
  assert.equal((await fail.failure("asserts", {})).message, "one is not two");
  assert.match((await fail.failure("outOfRange", { index: 9 })).message, /range/);
});

test("the engine's own traps tell what they are", async () => {
  assert.match((await fail.failure("divides", { by: 0 })).message, /divide by zero/);
  assert.match((await fail.failure("outOfBounds", {})).message, /out of bounds/);
  assert.match((await fail.failure("aborts", {})).message, /unreachable/);
  assert.match((await fail.failure("nothing", {})).message, /unreachable/);
  assert.equal((await fail.failure("throws", { message: "x".repeat(100_000) })).message.length, 4_097);
});

test("a log flood is cut to its lines, says how many were dropped, and cuts long lines at a character", async () => {
  lines.length = 0;
  await flood.call("lines", { count: 5_000 });
  assert.equal(lines.length, 11);
  assert.deepEqual([lines[0]?.message, lines[9]?.message], ["line 0", "line 9"]);
  assert.equal(lines[10]?.message, "4990 more log lines were dropped");
  lines.length = 0;
  await flood.call("long", { length: 100_000 });
  assert.deepEqual([lines[0]?.level, lines[0]?.message, lines[0]?.function], ["error", "€".repeat(33), "long"]);
  await flood.call("lines", { count: 1 });
  assert.equal(lines.length, 2, "the count starts anew with each call");
});

test("what a guest logged before it was killed is not lost", async () => {
  lines.length = 0;
  await flood.failure("logThenSpin", {}, { deadline: Date.now() + 2_000 });
  assert.deepEqual(
    lines.map(({ message }) => message),
    ["before"],
  );
});

test("a guest learns the name of its node", async () => {
  assert.equal(await flood.call("where", {}), "testing");
});

test("after all of this the same threads still answer", async () => {
  const answers = await Promise.all(Array.from({ length: 100 }, () => exhaust.call("ok", {})));
  assert.deepEqual(new Set(answers), new Set([1]));
  assert.deepEqual(sandbox.stats(), { slots: 2, running: 0, queued: 0 });
});
