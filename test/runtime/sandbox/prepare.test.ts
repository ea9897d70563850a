// Requirements on a component, refusals by name, and which modules can be reset.
import assert from "node:assert/strict";
import { test } from "node:test";
import { prepare } from "../../../runtime/sandbox/prepare/prepare.js";
import { Instance } from "../../../runtime/sandbox/thread/instance.js";
import { type WasmFunction, webAssembly } from "../../../runtime/sandbox/web-assembly.js";
import { failureOf } from "./guests.js";
import { component, core, moduleText, unary } from "./hand-made.js";

const options = { revision: "r", limits: { memoryBytes: 4 * 65_536 } };
const host = { nodeName: "n", now: () => 0, monotonicNs: () => 0n, fillRandom: () => undefined };
const open = (body: string, shape: { memory?: string } = {}) =>
  prepare(component(core(moduleText(body, shape))), options);

test("a plain module is prepared: what resets it is added, its memory capped", async () => {
  const prepared = await open(
    "(global (mut i32) (i32.const 5)) (global i32 (i32.const 5)) (global (mut f64) (f64.const 1))",
  );
  const exported = webAssembly.Module.exports(prepared.module).map(({ name }) => name);
  assert.deepEqual(
    exported.filter((name) => name.startsWith("herd:")),
    ["herd:reset:save", "herd:reset:restore"],
  );
  assert.deepEqual([prepared.resettable, prepared.memoryBytes], [true, 65_536]);
  const grow = await prepare(
    component(core(moduleText('(func (export "$#grow") (param i32) (result i32) (memory.grow (local.get 0)))'))),
    options,
  );
  const { exports } = new webAssembly.Instance(grow.module, {});
  const call = exports["herd:app/functions#grow"] as (pages: number) => number;
  assert.deepEqual([call(4), call(3), call(1)], [-1, 1, -1]);
});

const refused: Record<string, readonly [text: string, message: RegExp]> = {
  "a shared memory": [`(module (memory (export "memory") 1 2 shared))`, /shared or 64-bit/],
  "a 64-bit memory": [`(module (memory (export "memory") i64 1 2))`, /shared or 64-bit/],
  "two memories": [`(module (memory (export "memory") 1) (memory 1))`, /more than one memory/],
  "no memory": [`(module (func (export "cabi_realloc")))`, /no memory/],
  "an imported memory": [
    `(module (import "env" "memory" (memory 1)) (export "memory" (memory 0)))`,
    /imports env memory/,
  ],
  "an imported global": [`(module (import "env" "g" (global i32)) (memory (export "memory") 1))`, /imports env g/],
  "an unknown import": [
    `(module (import "wasi:filesystem/types@0.2.6" "open" (func)) (memory (export "memory") 1))`,
    /does not have: wasi:filesystem\/types@0\.2\.6 open/,
  ],
  "an import of another version": [
    `(module (import "wasi:clocks/wall-clock@0.3.0" "now" (func (param i32))) (memory (export "memory") 1))`,
    /wall-clock@0\.3\.0/,
  ],
  "a reserved export": [moduleText('(func (export "herd:reset:save"))'), /begins with herd:reset:/],
  "a huge table": [moduleText("(table 1000000 funcref)"), /entries of a table: 1000000; at most 100000/],
  "no allocator": [`(module (memory (export "memory") 1))`, /does not export cabi_realloc/],
};
for (const [what, [text, message]] of Object.entries(refused)) {
  test(`${what} is refused`, async () => {
    const error = await failureOf(prepare(component(core(text)), options));
    assert.equal(error.code, "source.invalid");
    assert.match(error.message, message);
  });
}

test("a memory that starts above the limit is refused with both numbers", async () => {
  const error = await failureOf(open("", { memory: "5" }));
  assert.equal(error.code, "source.invalid");
  assert.match(error.message, /0\.3125 MiB .* 0\.25 MiB/);
});

test("a function that the interface names must be exported", async () => {
  const bytes = component(core(moduleText("")), { functions: [unary("gone", null)] });
  assert.match((await failureOf(prepare(bytes, options))).message, /does not export herd:app\/functions#gone/);
});

test("patch versions of a known interface do not matter", async () => {
  for (const version of ["0.2.0", "0.2.6", "0.2.99"]) {
    const text = moduleText(`(import "wasi:clocks/monotonic-clock@${version}" "now" (func (result i64)))`);
    assert.equal((await prepare(component(core(text)), options)).imports.length, 1);
  }
});

const table = "(table $t 2 funcref) (elem $e func $f) (func $f)";
const lasting: Record<string, string> = {
  "table.set": `${table} (func (table.set $t (i32.const 0) (ref.null func)))`,
  "table.grow": `${table} (func (drop (table.grow $t (ref.null func) (i32.const 1))))`,
  "table.fill": `${table} (func (table.fill $t (i32.const 0) (ref.null func) (i32.const 1)))`,
  "table.copy": `${table} (func (table.copy $t $t (i32.const 0) (i32.const 0) (i32.const 1)))`,
  "table.init": `${table} (func (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1)))`,
  "elem.drop": `${table} (func (elem.drop $e))`,
  "data.drop": `(data $d "x") (func (data.drop $d))`,
};
for (const [what, body] of Object.entries(lasting)) {
  test(`a module with ${what} is not reset`, async () => {
    assert.equal((await open(body)).resettable, false);
  });
}

test("globals of every type are reset, and a NaN keeps its bits", async () => {
  const nan = ["(f32.const nan:0x200001)", "(f64.const nan:0x4000000000001)"];
  const body = `
    (global $i (mut i32) (i32.const 5)) (global $j (mut i64) (i64.const -7))
    (global $f (mut f32) ${nan[0]}) (global $g (mut f64) ${nan[1]})
    (global $v (mut v128) (v128.const i64x2 3 4)) (global $r (mut funcref) (ref.null func))
    (global $e (mut externref) (ref.null extern)) (elem declare func $x) (func $x)
    (func (export "$#f") (param i32) (result i32) (local $was i32)
      (local.set $was (i32.and
        (i32.and
          (i32.and (i32.eq (global.get $i) (i32.const 5)) (i64.eq (global.get $j) (i64.const -7)))
          (i32.and
            (i32.eq (i32.reinterpret_f32 (global.get $f)) (i32.reinterpret_f32 ${nan[0]}))
            (i64.eq (i64.reinterpret_f64 (global.get $g)) (i64.reinterpret_f64 ${nan[1]}))))
        (i32.and
          (i64.eq (i64x2.extract_lane 1 (global.get $v)) (i64.const 4))
          (i32.and (ref.is_null (global.get $r)) (ref.is_null (global.get $e))))))
      (global.set $i (local.get 0)) (global.set $j (i64.const 1)) (global.set $f (f32.const 1))
      (global.set $g (f64.const 1)) (global.set $v (i64x2.splat (i64.const 9))) (global.set $r (ref.func $x))
      (local.get $was))`;
  const bytes = component(core(moduleText(body)), { functions: [unary("f", { kind: "s32" })] });
  const prepared = await prepare(bytes, options);
  assert.equal(prepared.resettable, true);
  const instance = new Instance(prepared, { ...host, log: () => undefined, logUnits: () => 0 });
  const call = (): unknown => (instance.core("f") as WasmFunction)(1);
  for (let round = 0; round < 3; round++) {
    assert.deepEqual([call(), call()], [1, 0]);
    assert.equal(instance.reset(), true);
  }
});

test("what leaves no trace but in memory is reset: bulk memory, vectors, atomics apart, branch tables", async () => {
  const body = `(data $d "x") (table 1 funcref) (func $f (param i32) (result i32)
    (memory.fill (i32.const 0) (i32.const 1) (i32.const 8))
    (memory.copy (i32.const 8) (i32.const 0) (i32.const 8))
    (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))
    (v128.store (i32.const 16) (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
      (v128.load (i32.const 0)) (v128.const i64x2 1 2)))
    (drop (i32.trunc_sat_f64_s (f64.const 1e300)))
    (drop (f32.const 1)) (drop (i64.const -1)) (drop (table.size 0))
    (block $a (block $b (br_table $a $b $a (local.get 0))))
    (drop (i8x16.extract_lane_s 3 (v128.load8_lane 2 (i32.const 0) (v128.const i64x2 0 0))))
    (call_indirect (param i32) (result i32) (i32.const 0) (i32.const 0)))`;
  assert.equal((await open(body)).resettable, true);
});
