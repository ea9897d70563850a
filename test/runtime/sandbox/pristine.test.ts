// Nothing survives a call: memory, globals, heap, tables, caches, and the host's counters.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { compileGuests, Guest, startSandbox } from "./guests.js";

const components = await compileGuests("every-state", "start-random", "start-fails", "spin");
const { sandbox } = await startSandbox({ workers: 1 });
after(() => sandbox.stop());
const state = new Guest(sandbox, await sandbox.prepare(components["every-state"], "every-state"));

test("a guest that writes every kind of state finds none of it in the next call", async () => {
  assert.equal(state.prepared.resettable, true, "an AssemblyScript module can be reset");
  for (let round = 0; round < 50; round++) assert.equal(await state.call("marks", {}), 0);
});

test("calls that travel together find nothing of each other either", async () => {
  const found = await Promise.all(Array.from({ length: 200 }, () => state.call("marks", {})));
  assert.deepEqual(new Set(found), new Set([0]));
});

test("the heap starts at the same address in every call", async () => {
  const first = await state.call("heapAddress", {});
  for (let round = 0; round < 20; round++) assert.equal(await state.call("heapAddress", {}), first);
});

test("random numbers differ from call to call, though the instance is copied back", async () => {
  const drawn = await Promise.all(Array.from({ length: 20 }, () => state.call("random", {})));
  assert.equal(new Set(drawn).size, 20);
});

test("an app that draws its random number while it starts gets another in each call", async () => {
  const guest = new Guest(sandbox, await sandbox.prepare(components["start-random"], "start-random"));
  const drawn = [];
  for (let round = 0; round < 10; round++) drawn.push(await guest.call("drawn", {}));
  assert.equal(new Set(drawn).size, 10);
});

test("a memory that grew is gone in the next call", async () => {
  const before = await state.call("pages", {});
  assert.equal(await state.call("grow", { pages: 10 }), before);
  assert.equal(await state.call("pages", {}), before);
  assert.equal(await state.call("marks", {}), 0);
});

test("a trap leaves nothing behind", async () => {
  await state.failure("grow", { pages: "x" });
  assert.equal(await state.call("marks", {}), 0);
});

test("an app that traps while it starts fails each call, and only its own", async () => {
  const guest = new Guest(sandbox, await sandbox.prepare(components["start-fails"], "start-fails"));
  for (let round = 0; round < 3; round++) {
    const error = await guest.failure("never", {});
    assert.equal(error.code, "function.trapped");
    assert.match(error.message, /out of range/);
  }
  assert.equal(await state.call("marks", {}), 0);
});
