// Types that cannot cross are refused at their place; compiler errors are returned in full.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failure, places, testCompiler, upload } from "./compiling.js";

const compiler = testCompiler();
const fine = "\nexport function fine(): void {}";

const unsupported: readonly [name: string, source: string, place: string][] = [
  ["a function type", "export function f(a: (b: i32) => void): void {}", "index.ts:1:22 a function cannot cross"],
  [
    "a function type as result",
    "export function f(): () => void { return () => {}; }",
    "index.ts:1:22 a function cannot cross",
  ],
  [
    "a generic function",
    "export function f<T>(a: T): T { return a; }",
    "index.ts:1:17 the generic function f cannot cross; export one for each type",
  ],
  [
    "a generic class",
    "export class Box<T> { value: T | null = null; }",
    "index.ts:1:14 the generic class Box cannot cross; export one for each type",
  ],
  [
    "a generic method",
    "export class A { x: i32 = 0; f<T>(a: T): void {} }",
    "index.ts:1:30 the generic method A.f cannot cross; export one for each type",
  ],
  [
    "an unexported class",
    "class A { x: i32 = 0; }\nexport function f(a: A): void {}",
    "index.ts:2:22 the class A is not exported and cannot cross",
  ],
  [
    "an unexported enum",
    "enum E { A }\nexport function f(a: Array<E>): void {}",
    "index.ts:2:28 the enum E is not exported and cannot cross",
  ],
  [
    "a class without a field",
    "export class A {}\nexport function f(a: A): void {}",
    "index.ts:2:22 the class A has no field and cannot cross",
  ],
  [
    "an unmanaged class",
    "@unmanaged export class A { x: i32 = 0; }\nexport function f(a: A): void {}",
    "index.ts:2:22 the unmanaged class A cannot cross",
  ],
  [
    "an interface",
    "export interface I { a(): i32 }\nexport function f(a: I): void {}",
    "index.ts:2:22 the interface I cannot cross; use an exported class",
  ],
  [
    "a rest parameter",
    "export function f(...a: i32[]): void {}",
    "index.ts:1:19 a rest parameter cannot cross; use an array",
  ],
  [
    "a map whose keys are numbers",
    "export function f(a: Map<i32, string>): void {}",
    "index.ts:1:22 the keys of a map that crosses must be strings",
  ],
  [
    "a pointer",
    "export function f(): usize { return 0; }",
    "index.ts:1:22 usize is the size of a pointer and cannot cross; use u32",
  ],
  [
    "a function in a variable",
    "export const f = (a: i32): i32 => a;",
    "index.ts:1:14 a function in a variable cannot be called; declare it as a function",
  ],
  [
    "a namespace",
    "export namespace n { export function f(): void {} }",
    "index.ts:1:1 the functions of a namespace cannot be called; export them from the file",
  ],
  [
    "a default that reads this",
    "export class A { x: i32 = 0; f(a: i32 = this.x): void {} }",
    "index.ts:1:41 a default that reads this cannot be taken from outside",
  ],
];

describe("refused with type.unsupported:", () => {
  for (const [name, source, place] of unsupported) {
    test(name, async () => {
      const error = await failure(compiler.compile(upload(source + fine)));
      assert.equal(error.code, "type.unsupported");
      assert.deepEqual(places(error), [place]);
    });
  }

  test("a class that contains itself, also through others", async () => {
    const source =
      "export class A { b: B | null = null; }\nexport class B { as: A[] = []; }\nexport function f(a: A): void {}";
    const error = await failure(compiler.compile(upload(source)));
    assert.equal(error.code, "type.unsupported");
    assert.ok(
      places(error).some((one) => one.includes("the class A contains itself")),
      places(error).join("\n"),
    );
  });
});

test("every refusal of an upload is told at once, each with its line, in the file where it stands", async () => {
  const error = await failure(
    compiler.compile(
      upload({
        "index.ts": 'export * from "./other";\nexport function f(a: () => void): void {}',
        "other.ts": "// first\nexport function g<T>(a: T): void {}",
      }),
    ),
  );
  assert.deepEqual(
    error.diagnostics?.map(({ file, line, source }) => [file, line, source]),
    [
      ["index.ts", 2, "export function f(a: () => void): void {}"],
      ["other.ts", 2, "export function g<T>(a: T): void {}"],
    ],
  );
  assert.equal(error.where, "index.ts:2:22");
});

test("every error of the compiler is told at once, with refusals among them", async () => {
  const error = await failure(
    compiler.compile(
      upload(`export function f(a: Missing): i32 { return 1; }
export function g(a: i32): string { let x: i32 = "s"; return a; }
export function h(a: () => void): void { nowhere(); }`),
    ),
  );
  assert.equal(error.code, "source.invalid");
  assert.deepEqual(
    error.diagnostics?.map(({ line, column }) => [line, column]),
    [
      [1, 22],
      [2, 50],
      [2, 62],
      [3, 22],
      [3, 42],
    ],
  );
  assert.match(places(error)[0] ?? "", /Cannot find name 'Missing'/);
});

test("syntax errors are told with their places", async () => {
  const error = await failure(compiler.compile(upload("export function f(): void {\n  let = ;\n")));
  assert.equal(error.code, "source.invalid");
  assert.ok((error.diagnostics?.length ?? 0) > 0, `${error.diagnostics?.length}`);
  assert.equal(error.diagnostics?.[0]?.line, 2);
});

test("an upload without a callable export is source.invalid", async () => {
  for (const source of ["", "export const a: i32 = 1;", "function f(): void {}"]) {
    assert.equal((await failure(compiler.compile(upload(source)))).code, "source.invalid");
  }
});

test("what a host would have to give is refused by name, at its place", async () => {
  const source = `@external("env", "evil") declare function evil(): void;
export function f(): void { evil(); process.exit(1); console.time("x"); }`;
  const error = await failure(compiler.compile(upload(source)));
  assert.equal(error.code, "source.invalid");
  assert.deepEqual(places(error), [
    "index.ts:1:19 evil is not given to a guest",
    "index.ts:2:37 process.exit is not given to a guest",
    "index.ts:2:54 console.time is not given to a guest",
  ]);
});

test("no file but the upload's is read", async () => {
  for (const path of [
    "../../../../../../etc/passwd",
    "/etc/passwd",
    "./asconfig",
    "../package",
    "assemblyscript/std/assembly/array",
  ]) {
    const error = await failure(
      compiler.compile(upload(`import { a } from "${path}";\nexport function f(): void { a(); }`)),
    );
    assert.equal(error.code, "source.invalid", path);
    assert.ok(
      places(error).some((one) => /not found|Cannot find/.test(one)),
      `${path}: ${places(error)}`,
    );
    assert.ok(!JSON.stringify(error.toData()).includes("root:"), path);
  }
});

test("an upload's paths are checked before anything reads them", async () => {
  for (const path of [
    "../a.ts",
    "/a.ts",
    "a/../b.ts",
    "a.js",
    "a.d.ts",
    "a\\b.ts",
    "herd:glue.ts",
    "a\0.ts",
    ".ts",
    "",
  ]) {
    const error = await failure(compiler.compile([{ path, text: "export function f(): void {}" }]));
    assert.equal(error.code, "request.malformed", path);
  }
  assert.equal((await failure(compiler.compile(upload({ "a.ts": "", "b.ts": "" })))).code, "source.invalid");
});
