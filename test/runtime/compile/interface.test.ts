// The interface that is read from a source: names, types, docs, defaults, methods, files.
import assert from "node:assert/strict";
import { test } from "node:test";
import { transpileBytes } from "@bytecodealliance/jco-transpile";
import { componentWit } from "@bytecodealliance/jco-transpile/wasm-tools";
import { readInterface } from "../../../runtime/interface/section.js";
import { testCompiler, upload } from "./compiling.js";

const compiler = testCompiler();

test("every type of the value table is read in both directions", async () => {
  const scalars = ["bool", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f32", "f64"];
  const source = scalars.map((type) => `export function f_${type}(a: ${type}): ${type} { return a; }`).join("\n");
  const { interface: app } = await compiler.compile(upload(source));
  const kinds = ["bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64"];
  assert.deepEqual(
    app.functions.map((fn) => fn.parameters[0]?.type.kind),
    kinds,
  );
  assert.deepEqual(
    app.functions.map((fn) => fn.result?.kind),
    kinds,
  );
});

test("lists, sets, maps, buffers, options, records and enums nest", async () => {
  const { interface: app } = await compiler.compile(
    upload(`
    export class Point { x: f64 = 0; y: f64 = 0; }
    export enum Color { Red, Green }
    export function a(p: Array<Point | null>): Map<string, Array<f64>> { return new Map<string, Array<f64>>(); }
    export function b(c: StaticArray<Color>): Set<i64> { return new Set<i64>(); }
    export function c(d: Uint8Array, e: ArrayBuffer): Float32Array | null { return null; }`),
  );
  const [a, b, c] = app.functions;
  const point = { kind: "record", name: "Point" };
  assert.deepEqual(a?.parameters[0]?.type, { kind: "list", element: { kind: "option", value: point } });
  assert.deepEqual(a?.result, { kind: "map", value: { kind: "list", element: { kind: "f64" } } });
  assert.deepEqual(b?.parameters[0]?.type, { kind: "list", element: { kind: "enum", name: "Color" } });
  assert.deepEqual(b?.result, { kind: "set", element: { kind: "s64" } });
  assert.deepEqual(
    c?.parameters.map(({ type }) => type),
    [{ kind: "bytes" }, { kind: "bytes" }],
  );
  assert.deepEqual(c?.result, { kind: "option", value: { kind: "list", element: { kind: "f32" } } });
  assert.deepEqual(
    app.enums[0]?.members.map(({ name }) => name),
    ["Red", "Green"],
  );
});

test("documentation and defaults come from the source", async () => {
  const { interface: app } = await compiler.compile(
    upload(`
    /**
     * Adds two numbers.
     * Slowly.
     * @param left what is there
     * @param right - what is added
     */
    export function add(left: i32, right: i32 = left * 2): i32 { return left + right; }`),
  );
  const [add] = app.functions;
  assert.equal(add?.doc, "Adds two numbers.\nSlowly.");
  assert.deepEqual(
    add?.parameters.map(({ name, doc, default: fallback }) => [name, doc, fallback]),
    [
      ["left", "what is there", undefined],
      ["right", "what is added", "left * 2"],
    ],
  );
});

test("control and direction characters in documentation are left out", async () => {
  const { interface: app } = await compiler.compile(
    upload("/** a\u0001b\u202ec\r\n * d */\nexport function f(): void {}"),
  );
  assert.equal(app.functions[0]?.doc, "abc\nd");
});

test("methods are functions, instance methods carry self, and what is private is no endpoint", async () => {
  const { interface: app } = await compiler.compile(
    upload(`
    class Base { id: i32 = 0; twice(): i32 { return this.id * 2; } }
    export class Account extends Base {
      constructor(public owner: string, private cents: i64 = 0) { super(); }
      deposit(amount: i64): void { this.cents += amount; }
      get balance(): i64 { return this.cents; }
      private audit(): void {}
      static open(owner: string): Account { return new Account(owner); }
    }`),
  );
  assert.deepEqual(
    app.functions.map(({ name, self, result }) => [name, self, result?.kind]),
    [
      ["Account.twice", "Account", "s32"],
      ["Account.deposit", "Account", undefined],
      ["Account.open", undefined, "record"],
    ],
  );
  assert.deepEqual(
    app.records[0]?.fields.map(({ name }) => name),
    ["id", "owner", "cents"],
  );
});

test("only the entry's exports are endpoints; names are followed through imports, re-exports, aliases", async () => {
  const { interface: app } = await compiler.compile(
    upload({
      "index.ts": `
      import * as shapes from "./shapes/index";
      import { Id as Key } from "./ids";
      export { area as size } from "./shapes";
      export * from "./more";
      export function key(square: shapes.Square): Key { return square.side; }`,
      "shapes/index.ts": `
      export class Square { side: u32 = 0; }
      export function area(square: Square): u32 { return square.side * square.side; }
      export function unlisted(): void {}`,
      "ids.ts": "export type Id = u32;",
      "more.ts": "export function extra(): void {}",
    }),
  );
  assert.deepEqual(app.functions.map(({ name }) => name).sort(), ["extra", "key", "size"]);
  assert.equal(app.functions.find(({ name }) => name === "key")?.result?.kind, "u32");
});

test("names that WIT cannot tell apart get their own", async () => {
  const { interface: app } = await compiler.compile(
    upload(`
    export function get_value(a_b: i32, aB: i32, $: i32): i32 { return a_b + aB + $; }
    export function getValue(): i32 { return 1; }
    export function GETVALUE(): i32 { return 2; }`),
  );
  const names = app.functions.map(({ wit }) => wit);
  assert.equal(new Set(names).size, 3);
  assert.equal(new Set(app.functions[0]?.parameters.map(({ wit }) => wit)).size, 3);
});

test("the component carries its interface, other tools read its WIT, and it imports only what it uses", async () => {
  const source = "export function add(a: i32, b: i32): i32 { assert(a > 0); return a + b; }";
  const plain = await compiler.compile(upload(source));
  assert.deepEqual(readInterface(plain.component), plain.interface);
  assert.doesNotMatch(await componentWit(plain.component), /import/);
  const { files } = await transpileBytes(plain.component, { name: "app", instantiation: "sync" });
  const types = Object.entries(files).find(([path]) => path.endsWith("herd-app-functions.d.ts"));
  assert.match(new TextDecoder().decode(types?.[1]), /function add\(a: number, b: number\): number/);
  const clock = await compiler.compile(upload("export function now(): i64 { return Date.now(); }"));
  assert.match(await componentWit(clock.component), /import wasi:clocks\/wall-clock@0\.2\.0;\n\n/);
});

test("the same source gives the same component, byte for byte, whatever was compiled before", async () => {
  const source = upload("export function f(a: string): string { return a + Math.random().toString(); }");
  const other = upload("export function g(a: Array<i32>): i32 { return a.sort()[0]; }");
  const { component } = await compiler.compile(source);
  for (let again = 0; again < 4; again++) {
    await compiler.compile(other);
    const { component: same } = await compiler.compile(source);
    assert.deepEqual(Buffer.from(same), Buffer.from(component));
  }
});
