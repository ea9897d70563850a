// What names mean: merged declarations, endpoints that two exports would share, optional parameters, folders as
// modules.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Guest, startSandbox } from "../sandbox/guests.js";
import { failure, places, testCompiler, upload } from "./compiling.js";

const compiler = testCompiler();
const names = async (source: string | Record<string, string>): Promise<string[]> =>
  (await compiler.compile(upload(source))).interface.functions.map(({ name }) => name);

const merged: readonly [name: string, source: string, functions: readonly string[]][] = [
  [
    "a class and a namespace",
    `export class Foo { x: i32 = 0; twice(): i32 { return this.x * 2; } }
     export namespace Foo { export function make(n: i32): Foo { const f = new Foo(); f.x = n; return f; } }
     export function use(f: Foo): Foo { return Foo.make(f.x); }`,
    ["Foo.twice", "use"],
  ],
  [
    "an enum and a namespace",
    `export enum Color { Red, Green }
     export namespace Color {
       export function next(c: Color): Color { return c == Color.Red ? Color.Green : Color.Red; }
     }
     export function use(c: Color): Color { return Color.next(c); }`,
    ["use"],
  ],
  [
    "a namespace before its enum",
    `export namespace Color { export function isRed(c: i32): bool { return c == 0; } }
     export enum Color { Red, Green }
     export function use(c: Color): bool { return Color.isRed(c); }`,
    ["use"],
  ],
  [
    "a type and a function",
    `export type size = i32;
     export function size(text: string): size { return text.length; }
     export function twice(one: size): size { return one * 2; }`,
    ["size", "twice"],
  ],
  [
    "a function and a namespace",
    `export function f(a: i32): i32 { return f.plus(a); }
     export namespace f { export function plus(a: i32): i32 { return a + 1; } }`,
    ["f"],
  ],
  [
    "a class that its own namespace uses",
    `export class Node { v: i32 = 0; }
     export namespace Node { export class Pair { left: Node = new Node(); right: Node = new Node(); } }
     export function f(p: Node): i32 { return p.v; }`,
    ["f"],
  ],
  [
    "a namespace without functions",
    "export namespace Limits { export const MAX: i32 = 3; }\nexport function max(): i32 { return Limits.MAX; }",
    ["max"],
  ],
];

for (const [name, source, functions] of merged) {
  test(`${name} of one name are told apart`, async () => assert.deepEqual(await names(source), functions));
}

test("merged declarations are told apart through imports and aliases too", async () => {
  const files = {
    "index.ts":
      'import { Id, Id as Key } from "./id";\nexport { Id } from "./id";\nexport function f(a: Key): Id { return a; }',
    "id.ts": "export type Id = string;\nexport function Id(n: i32): Id { return n.toString(); }",
  };
  assert.deepEqual(await names(files), ["Id", "f"]);
});

const twins: readonly [name: string, source: string | Record<string, string>, found: readonly string[]][] = [
  [
    "a static method and a method",
    "export class A {\n  x: i32 = 0;\n  static of(n: i32): i32 { return n; }\n  of(n: i32): i32 { return n; }\n}",
    [
      "index.ts:3:10 two exports have the endpoint A.of: this one and that at index.ts:4:3",
      "index.ts:4:3 two exports have the endpoint A.of: this one and that at index.ts:3:10",
    ],
  ],
  [
    "a static method and an inherited method",
    "class Base {\n  x: i32 = 0;\n  of(): i32 { return 1; }\n}\n" +
      "export class A extends Base {\n  static of(n: i32): i32 { return n; }\n}",
    [
      "index.ts:3:3 two exports have the endpoint A.of: this one and that at index.ts:6:10",
      "index.ts:6:10 two exports have the endpoint A.of: this one and that at index.ts:3:3",
    ],
  ],
  [
    "two modules of export *",
    {
      "index.ts": 'export * from "./a";\nexport * from "./b";',
      "a.ts": "export function f(): i32 { return 1; }",
      "b.ts": "\nexport function f(): i32 { return 2; }",
    },
    [
      "a.ts:1:17 two exports have the endpoint f: this one and that at b.ts:2:17",
      "b.ts:2:17 two exports have the endpoint f: this one and that at a.ts:1:17",
    ],
  ],
];

for (const [name, source, found] of twins) {
  test(`${name} of one endpoint are refused, each at its place`, async () => {
    const error = await failure(compiler.compile(upload(source)));
    assert.equal(error.code, "type.unsupported");
    assert.deepEqual(places(error), found);
  });
}

test("one export under several names, and names that differ in case alone, stay", async () => {
  assert.deepEqual(await names("export function f(): i32 { return 1; }\nexport { f as g, f as F };"), ["f", "g", "F"]);
  const star = {
    "index.ts": 'export * from "./a";\nexport * from "./b";\nexport function f(): i32 { return 0; }',
    "a.ts": "export function f(): i32 { return 1; }",
    "b.ts": 'export { g } from "./c";\nexport * from "./c";',
    "c.ts": "export function g(): i32 { return 2; }",
  };
  assert.deepEqual(await names(star), ["f", "g"]);
});

test("a duplicate declaration is reported with both places", async () => {
  const twice =
    "function f(): i32 { return 1; }\nfunction h(): i32 { return 2; }\nexport { f as g };\nexport { h as g };";
  const error = await failure(compiler.compile(upload(twice)));
  assert.equal(error.code, "source.invalid");
  assert.deepEqual(places(error), [
    "index.ts:3:15 two exports have the endpoint g: this one and that at index.ts:4:15",
    "index.ts:4:15 Export declaration conflicts with exported declaration of 'g'.",
  ]);
  const declared = await failure(
    compiler.compile(upload("export function f(): void {}\nexport function f(): void {}")),
  );
  assert.deepEqual(places(declared), ["index.ts:2:17 Duplicate identifier 'f'. (the other is at index.ts:1:17)"]);
});

test("an optional parameter may be left out, and is zero then as in AssemblyScript", async () => {
  const { component, interface: app } = await compiler.compile(
    upload(`
    export enum E { A, B }
    export function f(a: i32, b?: i32, c?: bool, d?: E, e?: string | null, g?: f64): string {
      return a.toString() + " " + b.toString() + " " + c.toString() + " " + d.toString() + " " +
        (e == null ? "-" : e!) + " " + g.toString();
    }
    export function t(text?: string): bool { return changetype<usize>(text) == 0; }`),
  );
  assert.deepEqual(
    app.functions[0]?.parameters.map((one) => one.default),
    [undefined, "0", "false", "<E>0", undefined, "0"],
  );
  const { sandbox } = await startSandbox({ workers: 1 });
  after(() => sandbox.stop());
  const guest = new Guest(sandbox, await sandbox.prepare(component, "optional"));
  assert.equal(await guest.call("f", { a: 1 }), "1 0 false 0 - 0.0");
  assert.equal(await guest.call("f", { a: 1, c: true, e: "x", d: "B" }), "1 0 true 1 x 0.0");
  assert.equal(await guest.call("f", [1, 2]), "1 2 false 0 - 0.0");
  assert.equal((await guest.failure("f", {})).where, "/a");
  assert.equal(await guest.call("t", {}), true);
  assert.equal(await guest.call("t", { text: "" }), false);
});

const folders: readonly [specifier: string, found: number | undefined][] = [
  [".", 2],
  ["./", 2],
  ["./x", 4],
  ["./x.ts", 4],
  ["..", 1],
  ["../", 1],
  ["../index", 1],
  ["../index.ts", 1],
  ["../lib", 3],
  ["../lib/", 3],
  ["../lib/index.ts", 3],
  ["../..", undefined],
  ["../../lib", undefined],
  ["../../index", undefined],
  ["lib", undefined],
  ["/lib", undefined],
];

for (const [specifier, found] of folders) {
  const meaning = found === undefined ? "no file of the upload" : `file ${found}`;
  test(`from app/main.ts, "${specifier}" is ${meaning}`, async () => {
    const text = (n: number): string =>
      `export function f${n}(): i32 { return ${n}; }\nexport class P { at${n}: i32 = 0; }`;
    const compiling = compiler.compile(
      upload({
        "index.ts": `export { g } from "./app/main";\n${text(1)}`,
        "app/index.ts": text(2),
        "lib/index.ts": text(3),
        "app/x.ts": text(4),
        "app/main.ts":
          `import { P, f${found ?? 1} } from "${specifier}";\n` +
          `export function g(p: P): i32 { return f${found ?? 1}(); }`,
      }),
    );
    if (found === undefined) {
      const error = await failure(compiling);
      assert.equal(error.code, "source.invalid");
      assert.match(places(error)[0] ?? "", /^app\/main\.ts:1:\d+ File '.*' not found\./);
    } else {
      const { interface: app } = await compiling;
      assert.equal(app.records[0]?.fields[0]?.name, `at${found}`);
    }
  });
}
