// Components, their interfaces and their modules, mutated: each is refused by name, or runs within its bounds, and no
// thread is lost.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { PreparedRevision } from "../../runtime/sandbox/prepared-revision.js";
import { HerdError } from "../../src/core/errors.js";
import { testCompiler, upload } from "../runtime/compile/compiling.js";
import { startSandbox } from "../runtime/sandbox/guests.js";
import { component, core, moduleText, unary } from "../runtime/sandbox/hand-made.js";
import { mutatedModule, mutatedText, mutatedValues } from "./component-mutations.js";
import { type Fuzzed, fuzz, fuzzRuns } from "./mutations.js";
import { readWhole } from "./read-whole.js";

const sources = [
  `/** Adds. @param b what is added */
   export function add(a: i32, b: i32 = 2): i32 { return a + b; }
   export function name(first: string | null, n: u64, big: i8 = -1): string {
     return (first ? first : "") + n.toString();
   }
   export function chars(a: bool, b: f32, c: Uint8Array): Array<string> {
     return [a.toString(), b.toString(), c.length.toString()];
   }
   let calls = 0; const kept = new Map<string, i32>();
   export function count(key: string): i32 { kept.set(key, ++calls); console.log(key); return kept.get(key); }
   export function dice(): f64 { return Math.random() + <f64>Date.now(); }
   export function loop(n: i32): i32 { let s = 0; while (n-- > 0) s += n; return s; }`,
  `export enum Color { Red, Green = 5, Blue }
   export class Point { x: f64 = 0; y: f64 = 0; move(by: f64): void { this.x += by; } length(): f64 { return this.x; } }
   export class Mixed {
     at: Point | null = null; tags: string[] = []; color: Color = Color.Red; tiny: u8 = 0; big: i64 = 1;
   }
   export function paint(m: Mixed, all: Array<Mixed>): Mixed { all.push(m); return all[0]; }
   export function index(m: Map<string, Array<Point>>, s: Set<i32>): Map<string, Array<Point>> { return m; }
   export function wide(a: Point, b: Point, c: Mixed, d: Mixed, e: Color = Color.Blue): Array<Point | null> {
     return [a, b, null];
   }`,
];
/** Small modules, of which a mutation hits something more often. */
const handMade = [
  component(
    core(
      moduleText(
        `(global (mut i32) (i32.const 1)) (table 2 funcref) (elem (i32.const 0) 0) (data (i32.const 8) "abc")
         (func (export "$#f") (param i32) (result i32) (global.set 0 (local.get 0)) (i32.load (local.get 0)))
         (func (export "_initialize") (i32.store (i32.const 0) (i32.const 7)))`,
      ),
    ),
    { functions: [unary("f", { kind: "s32" })] },
  ),
  component(
    core(
      moduleText(
        `(import "herd:host/log" "write" (func $log (param i32 i32 i32)))
         (import "wasi:random/random@0.2.6" "get-random-bytes" (func $random (param i64 i32)))
         (func (export "$#f") (param i32) (result i32)
           (call $log (i32.const 2) (i32.const 16) (local.get 0)) (call $random (i64.const 9) (i32.const 64))
           (loop $again (br_if $again (i32.lt_s (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 9))))
           (i32.const 64))`,
      ),
    ),
    { functions: [unary("f", { kind: "list", element: { kind: "string" } })] },
  ),
];

let seeds: Uint8Array[] = [];
const compiler = testCompiler();
before(async () => {
  const compiled: Uint8Array[] = [];
  for (const text of sources) compiled.push((await compiler.compile(upload(text))).component);
  seeds = [...compiled, ...handMade];
});

/** Some of what was prepared though it is not what it was: for real threads. */
const prepared: PreparedRevision[] = [];

let reads = 0;
async function read(input: Buffer): Promise<void> {
  const chosen = reads++;
  await readWhole(input, {
    chosen,
    onPrepared: (one) => {
      if (chosen % 3 === 0 && prepared.length < 60) prepared.push(one);
    },
  });
}
const isRefusal = (error: unknown): boolean => error instanceof HerdError && error.code !== "internal";

const kinds: readonly [name: string, share: number, mutate: Fuzzed["mutate"]][] = [
  ["components", 0.15, undefined],
  ["texts of interfaces", 0.1, mutatedText],
  ["values of interfaces", 0.15, mutatedValues],
  ["core modules", 0.15, mutatedModule],
];
for (const [name, share, mutate] of kinds) {
  test(`mutated ${name}`, async () => {
    for (const seed of seeds) await readWhole(seed, { chosen: 0 });
    await fuzz(name, { runs: fuzzRuns(share), seeds, read, allows: isRefusal, ...(mutate && { mutate }) });
  });
}

test("real threads survive what was prepared of them", async (context) => {
  const { sandbox } = await startSandbox({ workers: 1 });
  context.after(() => sandbox.stop());
  assert.ok(prepared.length > 10, `${prepared.length} were prepared`);
  const call = (one: PreparedRevision, { name, ms }: { name: string; ms: number }) =>
    sandbox.run({
      prepared: one,
      function: name,
      arguments: { format: "json", body: "[1]" },
      id: "fuzz",
      deadline: Date.now() + ms,
    });
  for (const [index, one] of prepared.entries()) {
    for (const { name } of one.interface.functions.slice(0, 3)) {
      const calling = call({ ...one, revision: `r${index}` }, { name, ms: 100 });
      await calling.catch((error: unknown) => assert.ok(isRefusal(error), String(error)));
    }
  }
  const good = await readWhole(handMade[0] ?? Buffer.alloc(0), { chosen: 0 });
  assert.equal((await call({ ...good, revision: "good" }, { name: "f", ms: 30_000 })).json?.length, 1);
});
