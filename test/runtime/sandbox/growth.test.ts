// Memory that grew is reset: the next call of the same instance finds the first size, and zeros wherever it grows.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { InvalidPointer } from "../../../runtime/sandbox/binding/heap.js";
import { collectGarbage } from "../../../runtime/sandbox/collect-garbage.js";
import { prepare } from "../../../runtime/sandbox/prepare/prepare.js";
import type { PreparedRevision } from "../../../runtime/sandbox/prepared-revision.js";
import { Engine } from "../../../runtime/sandbox/thread/engine.js";
import { Instance } from "../../../runtime/sandbox/thread/instance.js";
import type { WasmFunction } from "../../../runtime/sandbox/web-assembly.js";
import { HerdError } from "../../../src/core/errors.js";
import { Guest, startSandbox } from "./guests.js";
import { component, core, moduleText, unary } from "./hand-made.js";

const pageBytes = 65_536;
const limits = { memoryBytes: 1_024 * pageBytes, resultBytes: 1_000, logLines: 1, logLineBytes: 99 };
const host = {
  nodeName: "n",
  now: () => 0,
  monotonicNs: () => 0n,
  fillRandom: () => undefined,
  log: () => undefined,
  logUnits: () => 0,
};

/** Grows by so many pages, and fills what it got with bytes that are not zero; -1 where something was there. */
const greedy = `(func (export "$#f") (param $pages i32) (result i32) (local $old i32) (local $at i32)
  (local.set $old (memory.grow (local.get $pages)))
  (if (i32.lt_s (local.get $old) (i32.const 0)) (then (return (i32.const -2))))
  (local.set $at (i32.mul (local.get $old) (i32.const ${pageBytes})))
  (loop $words
    (if (i32.lt_u (local.get $at) (i32.mul (memory.size) (i32.const ${pageBytes})))
      (then
        (if (i32.load (local.get $at)) (then (return (i32.const -1))))
        (i32.store (local.get $at) (i32.const 77))
        (local.set $at (i32.add (local.get $at) (i32.const 1024)))
        (br $words))))
  (memory.size))`;

/** The same, with all it got filled. */
const greedyOfAll = greedy.replace("i32.const 1024", "i32.const 4");

/** Reads a word of that page: a trap where the memory is smaller, whatever size the guest is told. */
const peek = `(func (export "$#peek") (param $page i32) (result i32)
  (i32.load (i32.mul (local.get $page) (i32.const ${pageBytes}))))`;

function preparedOf(text: string): Promise<PreparedRevision> {
  const functions = [unary("f", { kind: "s32" }), ...(text.includes("$#peek") ? [unary("peek", { kind: "s32" })] : [])];
  const bytes = component(core(moduleText(text)), { functions });
  return prepare(bytes, { revision: "r", limits });
}

/** Runs calls in one engine; what each one returned. */
function results(engine: Engine, pages: readonly number[], revision = 0): number[] {
  return pages.map((count) => {
    const call = { revision, functionIndex: 0, format: "json", body: `[${count}]` } as const;
    const result = Number(engine.run(call, () => undefined));
    engine.tidy();
    return result;
  });
}

test("an instance whose memory grew is reset again and again, and is the same one", async () => {
  const instance = new Instance(await preparedOf(greedy), host);
  const f = (pages: number): unknown => (instance.core("f") as WasmFunction)(pages);
  for (const pages of [3, 1, 100, 0, 700, 3]) {
    assert.equal(f(pages), 1 + pages);
    assert.equal(instance.reset(), true);
    assert.equal(
      instance.heap.bytes.findIndex((byte) => byte !== 0),
      -1,
    );
  }
});

test("growth beyond the limit fails as ever, also where the sum of pages does not fit its type", async () => {
  const engine = new Engine({ limits, host });
  engine.load({ id: 0, prepared: await preparedOf(greedy) });
  const most = limits.memoryBytes / pageBytes;
  assert.deepEqual(results(engine, [most - 1, most, 5, -1, most - 1, 0]), [most, -2, 6, -2, most, 1]);
});

test("a large memory that later calls do not need is given back after four of them", async () => {
  const instance = new Instance(await preparedOf(greedy), host);
  const f = (pages: number): unknown => (instance.core("f") as WasmFunction)(pages);
  const after = (pages: number): boolean => {
    f(pages);
    return instance.reset();
  };
  assert.deepEqual([500, 0, 0, 0, 500, 0, 0, 0, 0].map(after), [true, true, true, true, true, true, true, true, false]);
});

test("grown memory is kept within a bound, the newest in any case, and none once the thread is idle", async () => {
  const prepared = await preparedOf(greedy + peek);
  const engine = new Engine({ limits, host });
  const isLarge = (revision: number): boolean => {
    try {
      engine.run({ revision, functionIndex: 1, format: "json", body: "[800]" }, () => undefined);
      return true;
    } catch (error) {
      assert.ok(error instanceof HerdError && error.code === "function.trapped", String(error));
      return false;
    } finally {
      engine.tidy();
    }
  };
  for (const id of [0, 1, 2, 3]) engine.load({ id, prepared });
  for (const id of [0, 1, 2, 3]) assert.deepEqual(results(engine, [900], id), [901]);
  assert.deepEqual([3, 0, 1, 2].map(isLarge), [true, false, false, false]);
  engine.release();
  assert.equal(engine.hasWaste, false);
  assert.equal(isLarge(3), false);
});

test("many small growths are within the bound together", async () => {
  const prepared = await preparedOf(greedy + peek);
  const engine = new Engine({ limits, host });
  const sizes = Array.from({ length: 60 }, (_, id) => id);
  for (const id of sizes) engine.load({ id, prepared });
  for (const id of sizes) assert.deepEqual(results(engine, [20], id), [21]);
  const kept = sizes.filter((revision) => {
    const call = { revision, functionIndex: 1, format: "json", body: "[15]" } as const;
    try {
      engine.run(call, () => undefined);
      return true;
    } catch {
      return false;
    } finally {
      engine.tidy();
    }
  });
  assert.deepEqual(kept, sizes.slice(-51));
});

test("what a guest grows while it starts counts towards the bound, too", async () => {
  const text = `(func (export "_initialize") (drop (memory.grow (i32.const 300)))
      (memory.fill (i32.const 65536) (i32.const 1) (i32.const ${300 * pageBytes})))
    (func (export "$#f") (param i32) (result i32) (i32.load (i32.mul (local.get 0) (i32.const ${pageBytes}))))`;
  const prepared = await preparedOf(text);
  const engine = new Engine({ limits, host });
  for (let id = 0; id < 20; id++) engine.load({ id, prepared });
  collectGarbage();
  const before = process.memoryUsage.rss();
  for (let id = 0; id < 20; id++) assert.deepEqual(results(engine, [200], id), [0x0101_0101]);
  collectGarbage();
  const held = (): number => (process.memoryUsage.rss() - before) / 2 ** 20;
  for (let left = 500; left > 0 && held() > 100; left--) await delay(10);
  assert.ok(held() < 100, `${held()} MiB: three of 19 MiB each are kept`);
});

test("what an earlier call left is outside of the guest's memory for the host", async () => {
  const instance = new Instance(await preparedOf(greedy), host);
  const beyond = { pointer: 3 * pageBytes, size: { bytes: 2, align: 2 } };
  const isInside = (): boolean => {
    try {
      return instance.heap.range(beyond.pointer, beyond.size) === beyond.pointer;
    } catch (error) {
      assert.ok(error instanceof InvalidPointer, String(error));
      return false;
    }
  };
  const f = (pages: number): unknown => (instance.core("f") as WasmFunction)(pages);
  for (const [pages, inside] of [
    [2, false],
    [900, true],
    [2, false],
    [3, true],
  ] as const) {
    f(pages);
    assert.equal(isInside(), inside, `${pages} pages`);
    assert.equal(instance.reset(), true);
    assert.equal(isInside(), false, `after ${pages} pages`);
  }
});

test("an idle thread gives the system back what its calls grew", async () => {
  const { sandbox } = await startSandbox({ workers: 1, limit: limits });
  try {
    const bytes = component(core(moduleText(greedyOfAll)), { functions: [unary("f", { kind: "s32" })] });
    const guest = new Guest(sandbox, await sandbox.prepare(bytes, "greedy"));
    const most = limits.memoryBytes / pageBytes - 1;
    assert.equal(await guest.call("f", [most]), most + 1);
    const held = process.memoryUsage.rss();
    const until = Date.now() + 30_000;
    const expected = held - limits.memoryBytes / 2;
    while (process.memoryUsage.rss() > expected && Date.now() < until) await delay(100);
    assert.ok(process.memoryUsage.rss() <= expected, `${held} bytes, then ${process.memoryUsage.rss()}`);
    assert.equal(await guest.call("f", [2]), 3);
  } finally {
    await sandbox.stop();
  }
});

test("the memory of a revision that was dropped is free after a collection of the idle thread", async () => {
  const engine = new Engine({ limits, host });
  engine.load({ id: 0, prepared: await preparedOf(greedy) });
  assert.equal(engine.hasWaste, false, "nothing was given up yet");
  assert.deepEqual(results(engine, [900]), [901]);
  const held = process.memoryUsage.rss();
  engine.drop(0);
  assert.equal(engine.hasWaste, true);
  engine.release();
  assert.equal(engine.hasWaste, false);
  collectGarbage();
  // The engine returns the memory in a thread of its own.
  const freed = (): number => (held - process.memoryUsage.rss()) / 2 ** 20;
  for (let left = 500; left > 0 && freed() < 40; left--) await delay(10);
  assert.ok(freed() >= 40, `${freed()} MiB of 56`);
});

test("the guest's own growth while it starts is part of its first size", async () => {
  const text = `(func $begin (drop (memory.grow (i32.const 2)))) (start $begin)
    (func (export "$#f") (param i32) (result i32) (drop (memory.grow (local.get 0))) (memory.size))`;
  const engine = new Engine({ limits, host });
  engine.load({ id: 0, prepared: await preparedOf(text) });
  assert.deepEqual(results(engine, [0, 4, 0, 1]), [3, 7, 3, 4]);
});

test("a module that only asks for its size is left as it is; one without globals gets its count", async () => {
  const asking = await preparedOf('(func (export "$#f") (param i32) (result i32) (memory.size))');
  assert.equal(asking.countsPages, false);
  assert.equal((await preparedOf(greedy)).countsPages, true);
  const engine = new Engine({ limits, host });
  engine.load({ id: 0, prepared: await preparedOf(`(global $g (mut i32) (i32.const 5)) ${greedy}`) });
  assert.deepEqual(results(engine, [3, 1]), [4, 2]);
});
