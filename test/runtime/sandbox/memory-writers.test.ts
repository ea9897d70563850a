// Functions that change no memory: found by their code alone, and their calls leave the memory as it is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { prepare } from "../../../runtime/sandbox/prepare/prepare.js";
import { Engine } from "../../../runtime/sandbox/thread/engine.js";
import { component, core, moduleText, unary } from "./hand-made.js";

const limits = { memoryBytes: 1_048_576, resultBytes: 1_000, logLines: 1, logLineBytes: 99 };
const host = { nodeName: "n", now: () => 0, monotonicNs: () => 0n, fillRandom: () => undefined };
const one = {
  readers: ["plain", "deep", "loads"],
  writers: ["stores", "calls", "tail", "far", "grows", "fills", "told"],
};
const names = [...one.readers, ...one.writers];

const fn = (name: string, body: string): string => `(func (export "$#${name}") (param i32) (result i32) ${body})`;
const text = `
  (type $unary (func (param i32) (result i32)))
  (table 1 funcref) (elem (i32.const 0) $store)
  (global $count (mut i32) (i32.const 7))
  (func $store (param i32) (result i32) (i32.store (i32.const 64) (local.get 0)) (i32.load (i32.const 64)))
  (func $add (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func $further (param i32) (result i32) (call $store (local.get 0)))
  ${fn("plain", "(i32.mul (local.get 0) (i32.const 3))")}
  ${fn("deep", "(global.set $count (call $add (global.get $count))) (global.get $count)")}
  ${fn("loads", "(i32.load (i32.const 64))")}
  ${fn("stores", "(call $store (local.get 0))")}
  ${fn("calls", "(call $further (local.get 0))")}
  ${fn("tail", "(call $further (call $add (local.get 0)))")}
  ${fn("far", "(call_indirect (type $unary) (local.get 0) (i32.const 0))")}
  ${fn("grows", "(memory.grow (i32.const 0))")}
  ${fn("fills", "(memory.fill (i32.const 64) (local.get 0) (i32.const 1)) (local.get 0)")}
  ${fn("told", "(call $count_up)")}
  (func $count_up (result i32) (i32.store8 (i32.const 65) (i32.const 1)) (i32.const 1))`;

test("a function is a reader where neither it nor what it calls can change memory", async () => {
  const functions = names.map((name) => unary(name, { kind: "s32" }));
  const bytes = component(core(moduleText(text)), { functions });
  const prepared = await prepare(bytes, { revision: "r", limits });
  assert.deepEqual([...prepared.readers].sort(), [...one.readers].sort());
  const engine = new Engine({ limits, host });
  engine.load({ id: 0, prepared });
  const run = (name: string): number => {
    const call = { revision: 0, functionIndex: names.indexOf(name), format: "json", body: "[5]" } as const;
    const result = Number(engine.run(call, () => undefined));
    engine.tidy();
    return result;
  };
  for (const writer of one.writers) {
    assert.deepEqual([run("loads"), run(writer) >= 0, run("loads"), run("plain"), run("deep")], [0, true, 0, 15, 8]);
  }
});
