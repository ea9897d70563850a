// Pristine, whatever the module: after any call the next one finds what a fresh instance would show it.
import assert from "node:assert/strict";
import { test } from "node:test";
import binaryen from "assemblyscript/binaryen";
import { leb128, type Section } from "../../runtime/interface/binary.js";
import { exportedInterface } from "../../runtime/interface/model.js";
import { prepare } from "../../runtime/sandbox/prepare/prepare.js";
import { coreSections } from "../../runtime/sandbox/prepare/wasm-module.js";
import type { PreparedRevision } from "../../runtime/sandbox/prepared-revision.js";
import { Engine } from "../../runtime/sandbox/thread/engine.js";
import { webAssembly } from "../../runtime/sandbox/web-assembly.js";
import { HerdError } from "../../src/core/errors.js";
import { component, moduleText, unary } from "../runtime/sandbox/hand-made.js";
import { coreModule, section } from "./forge.js";
import { type EngineFeatures, randomModule } from "./random-module.js";

const { Features } = binaryen;
const known =
  Features.Atomics |
  Features.MutableGlobals |
  Features.NontrappingFPToInt |
  Features.SIMD128 |
  Features.BulkMemory |
  Features.SignExt |
  Features.ExceptionHandling |
  Features.TailCall |
  Features.ReferenceTypes |
  Features.Multivalue |
  Features.RelaxedSIMD |
  Features.ExtendedConst;
const limits = { memoryBytes: 64 * 65_536, resultBytes: 1_000_000, logLines: 1, logLineBytes: 99 };
const host = { nodeName: "n", now: () => 0, monotonicNs: () => 0n, fillRandom: () => undefined };
const app = { functions: [unary("f", { kind: "s32" })] };
const f = `${exportedInterface}#f`;

const features: EngineFeatures = { objects: isValid("(type $s (struct (field (mut i32)))) (func (param (ref $s)))") };

function binaryOf(text: string, allowed: number): Uint8Array {
  const module = binaryen.parseText(text);
  try {
    module.setFeatures(allowed);
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}

function isValid(body: string): boolean {
  return webAssembly.validate(binaryOf(moduleText(body), known | Features.GC));
}

async function prepared(text: string): Promise<PreparedRevision> {
  return preparedOf(binaryOf(text, known | (features.objects ? Features.GC : 0)));
}

function preparedOf(bytes: Uint8Array): Promise<PreparedRevision> {
  return prepare(component(bytes, app), { revision: "r", limits });
}

/** What a caller sees of each call, made one after the other in one engine. */
function outcomes(module: PreparedRevision, calls: readonly number[]): string[] {
  const engine = new Engine({ limits, host });
  engine.load({ id: 0, prepared: module });
  return calls.map((n) => {
    try {
      return String(engine.run({ revision: 0, functionIndex: 0, format: "json", body: `[${n}]` }, () => undefined));
    } catch (error) {
      if (!(error instanceof HerdError)) throw error;
      return `${error.code}: ${error.message}`;
    } finally {
      engine.tidy();
    }
  });
}

const calls = [1, 0, 7, 2, 3, 5, 4, 6, 1, 7, 0, 0];
const fresh = (module: PreparedRevision): string[] => calls.flatMap((n) => outcomes(module, [n]));

const seeds = Number(process.env.HERD_SEEDS ?? 400);

test(`${seeds} random modules: no call finds anything of another`, { timeout: 3_600_000 }, async () => {
  const told = { resettable: 0, kept: 0, shown: 0 };
  for (let seed = 1; seed <= seeds; seed++) {
    const text = randomModule(seed, { features, prefix: exportedInterface });
    const module = await prepared(text);
    const wanted = fresh(module);
    assert.deepEqual(outcomes(module, calls), wanted, `seed ${seed}, resettable ${module.resettable}\n${text}`);
    if (module.resettable) {
      told.resettable++;
      continue;
    }
    told.kept++;
    // What the scan refuses is refused for a reason: a reset would show.
    const forced = outcomes({ ...module, resettable: true }, calls);
    if (forced.some((outcome, at) => outcome !== wanted[at])) told.shown++;
  }
  console.log(
    `# Node ${process.version}: ${seeds} modules, ${told.resettable} reset, ${told.kept} never; ` +
      `of those a reset would show in ${told.shown}`,
  );
  assert.ok(told.resettable > seeds / 5, "many can be reset");
  assert.ok(told.shown > told.kept / 3, "the test sees state that stays");
});

const table =
  "(type $ft (func (result i32))) (table $t 3 9 funcref) " +
  "(elem (table $t) (i32.const 0) func $a $b) (elem $es func $b $a)";
const functions = "(func $a (result i32) (i32.const 11)) (func $b (result i32) (i32.const 22))";
const entries =
  "(i32.add (table.size $t) (i32.add (i32.mul (i32.const 3) (ref.is_null (table.get $t (i32.const 0)))) " +
  "(call_indirect $t (type $ft) (i32.const 1))))";
/**
 * What an instance keeps, by what changes it and what shows it: the list of wasmtime's own reset, and what else there
 * is.
 */
const state: Record<string, readonly [kept: string, look: string, change: string]> = {
  "linear memory": ["", "(i32.load (i32.const 0))", "(i32.store (i32.const 0) (local.get 0))"],
  "the last bytes of memory": ["", "(i32.load (i32.const 65532))", "(i32.store (i32.const 65532) (local.get 0))"],
  "an active data segment's bytes": [
    '(data (i32.const 8) "abcd")',
    "(i32.load (i32.const 8))",
    "(i32.store (i32.const 8) (local.get 0))",
  ],
  "a mutable i32": ["(global $g (mut i32) (i32.const 4))", "(global.get $g)", "(global.set $g (local.get 0))"],
  "a mutable i64": [
    "(global $g (mut i64) (i64.const 4))",
    "(i32.wrap_i64 (global.get $g))",
    "(global.set $g (i64.extend_i32_s (local.get 0)))",
  ],
  "a mutable f32 with a signalling NaN": [
    "(global $g (mut f32) (f32.const nan:0x200001))",
    "(i32.reinterpret_f32 (global.get $g))",
    "(global.set $g (f32.convert_i32_s (local.get 0)))",
  ],
  "a mutable f64": [
    "(global $g (mut f64) (f64.const 4))",
    "(i32.trunc_f64_s (global.get $g))",
    "(global.set $g (f64.convert_i32_s (local.get 0)))",
  ],
  "a mutable vector": [
    "(global $g (mut v128) (v128.const i32x4 1 2 3 4))",
    "(i32x4.extract_lane 0 (global.get $g))",
    "(global.set $g (i32x4.splat (local.get 0)))",
  ],
  "a mutable function reference": [
    `${functions} (elem declare func $a) (global $g (mut funcref) (ref.null func))`,
    "(ref.is_null (global.get $g))",
    "(global.set $g (ref.func $a))",
  ],
  "a table's entry": [`${table} ${functions}`, entries, "(table.set $t (i32.const 1) (ref.func $a))"],
  "a table's length": [`${table} ${functions}`, entries, "(drop (table.grow $t (ref.null func) (i32.const 1)))"],
  "a table that is filled": [
    `${table} ${functions}`,
    entries,
    "(table.fill $t (i32.const 0) (ref.func $a) (i32.const 2))",
  ],
  "a table that is copied into": [
    `${table} ${functions}`,
    entries,
    "(table.copy $t $t (i32.const 1) (i32.const 0) (i32.const 1))",
  ],
  "a table that is initialized": [
    `${table} ${functions}`,
    entries,
    "(table.init $t $es (i32.const 0) (i32.const 0) (i32.const 2))",
  ],
  "a dropped element segment": [
    `${table} ${functions}`,
    `(block (result i32) (table.init $t $es (i32.const 2) (i32.const 0) (i32.const 1)) ${entries})`,
    "(elem.drop $es)",
  ],
  "a dropped data segment": [
    '(data $d "abcd")',
    "(block (result i32) (memory.init $d (i32.const 0) (i32.const 0) (i32.const 4)) (i32.const 1))",
    "(data.drop $d)",
  ],
  "the size of memory": ["", "(memory.size)", "(drop (memory.grow (i32.const 2)))"],
  "what was written where memory grew": [
    "",
    "(block (result i32) (drop (memory.grow (i32.const 1))) (i32.add (memory.size) (i32.load (i32.const 65540))))",
    "(i32.store (i32.const 65540) (local.get 0))",
  ],
};
for (const [what, [kept, look, change]] of Object.entries(state)) {
  test(`${what}: changed by one call, as ever in the next`, async () => {
    const module = await prepared(
      moduleText(`${kept} (func (export "$#f") (param i32) (result i32) (local $h i32)
      (local.set $h ${look}) ${change} (local.get $h))`),
    );
    const wanted = fresh(module);
    assert.equal(new Set(wanted).size, 1, "each fresh instance shows the same");
    assert.deepEqual(outcomes(module, calls), wanted);
  });
}

test("a memory that grew is as small in the next call, and what grows is zero", async () => {
  const module = await prepared(
    moduleText(`(func (export "$#f") (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (return (memory.size))))
    (drop (memory.grow (local.get 0)))
    (if (i32.load (i32.const 65536)) (then (return (i32.const -1))))
    (i32.store (i32.const 65536) (i32.const 77))
    (memory.size))`),
  );
  assert.deepEqual(outcomes(module, [0, 2, 0, 3, 0, 1, 2, 0]), ["1", "3", "1", "4", "1", "2", "3", "1"]);
});

test("bytes behind the entries of a section hide no global from the reset: the module is refused", async () => {
  const text = `(global $g (mut i32) (i32.const 1)) (func (export "$#f") (param i32) (result i32)
    (global.set $g (i32.add (global.get $g) (i32.const 1))) (global.get $g))`;
  const bytes = binaryOf(moduleText(text), known);
  assert.deepEqual(outcomes(await preparedOf(bytes), [0, 0, 0]), ["2", "2", "2"]);
  const sections = coreSections(bytes);
  const content = ({ start, end }: Section): Uint8Array => bytes.subarray(start, end);
  for (const { id } of sections) {
    // As the length of a name, 14 swallows the name of the export that is added behind.
    for (const extra of [0, 14, 0x0b]) {
      const longer = coreModule(
        sections.map((one) => section(one.id, content(one), Buffer.alloc(one.id === id ? 1 : 0, extra))),
      );
      await assert.rejects(preparedOf(longer), { code: "source.invalid" }, `section ${id}, ${extra}`);
    }
  }
});

/**
 * A module whose `f` tells whether the entry 0 of its table was set and then sets it, with `hidden` in front of the
 * table.set; types from 2 on are functions of nothing.
 */
function hiding(hidden: readonly number[], { type }: { type: number }): Buffer {
  const none = Buffer.of(0x60, 0, 0);
  const types = Buffer.concat([
    Buffer.of(0x60, 0, 1, 0x7f),
    Buffer.of(0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f),
    Buffer.of(0x60, 1, 0x7f, 1, 0x7f),
  ]);
  const name = (text: string): Buffer => Buffer.concat([leb128(text.length), Buffer.from(text)]);
  const body = (bytes: readonly number[]): Buffer =>
    Buffer.concat([leb128(bytes.length + 2), Buffer.of(0, ...bytes, 0x0b)]);
  return coreModule([
    section(1, leb128(103), types, ...Array.from({ length: 100 }, () => none)),
    section(3, Buffer.of(3, 1, 2), leb128(type)),
    section(4, Buffer.of(1, 0x70, 0, 4)),
    section(5, Buffer.of(1, 0, 1)),
    section(
      7,
      Buffer.of(3),
      name("memory"),
      Buffer.of(2, 0),
      name("cabi_realloc"),
      Buffer.of(0, 0),
      name(f),
      Buffer.of(0, 1),
    ),
    section(9, Buffer.of(1, 3, 0, 1, 2)),
    section(
      10,
      Buffer.of(3),
      body([0x41, 0x80, 8]),
      body([0x41, 0, 0x25, 0, 0xd1, 0x45, 0x41, 0, ...hidden, 0x26, 0]),
      body([]),
    ),
  ]);
}

/** References to type 32, which reads as local.get, to type 65 (i32.const), and with an index of two bytes. */
const disguises: Record<string, readonly [type: number, hidden: readonly number[]]> = {
  "a select of type 32": [32, [0xd2, 2, 0xd2, 2, 0x41, 1, 0x1c, 1, 0x64, 0x20]],
  "a select of type 65": [65, [0xd2, 2, 0xd2, 2, 0x41, 1, 0x1c, 1, 0x64, 0xc1, 0x00]],
  "a select of a nullable type": [34, [0xd2, 2, 0xd2, 2, 0x41, 1, 0x1c, 1, 0x63, 0x22]],
  "a block of type 32": [32, [0x02, 0x64, 0x20, 0xd2, 2, 0x0b]],
  "a loop of type 65": [65, [0x03, 0x64, 0xc1, 0x00, 0xd2, 2, 0x0b]],
  "a try of a nullable type": [33, [0x06, 0x63, 0x21, 0xd2, 2, 0x19, 0xd0, 0x21, 0x0b]],
};
for (const [what, [type, hidden]] of Object.entries(disguises)) {
  test(`a table.set behind ${what} is not overlooked`, async () => {
    let module: PreparedRevision;
    try {
      module = await prepare(component(hiding(hidden, { type }), app), { revision: "r", limits });
    } catch (error) {
      assert.ok(!features.objects, String(error));
      return;
    }
    assert.equal(module.resettable, false);
    assert.deepEqual(outcomes(module, calls), fresh(module));
  });
}
