// Every 422 of an upload has a place, also when no single line is at fault.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HerdError } from "../../../src/core/errors.js";
import { placedInUpload } from "../../../src/core/upload-place.js";
import { failure, places, testCompiler, upload } from "./compiling.js";

const compiler = testCompiler();

test("the error of an upload without callable exports is placed at its entry", async () => {
  for (const source of [
    "",
    "export const a: i32 = 1;",
    "function f(): void {}",
    "export enum E { A }",
    "export type T = i32;",
  ]) {
    const error = await failure(compiler.compile(upload(source)));
    assert.equal(error.code, "source.invalid");
    assert.deepEqual(places(error), ["index.ts:1:1 the entry exports no function that can be called"]);
    assert.equal(error.where, "index.ts:1:1");
  }
});

test("the error of several files without an entry is placed at the first", async () => {
  const error = await failure(compiler.compile(upload({ "b.ts": "// b\n", "a.ts": "// a" })));
  assert.deepEqual(places(error), ["b.ts:1:1 an upload of several files needs an index.ts as its entry"]);
  assert.equal(error.diagnostics?.[0]?.source, "// b");
});

test("the error of a source that crashes the compiler, or exceeds its limits, is placed at its entry", async () => {
  const deep = `// deep\nexport function f(): i32 { return ${"(".repeat(50_000)}1${")".repeat(50_000)}; }`;
  const crashed = await failure(compiler.compile(upload({ "index.ts": deep, "lib/a.ts": "" })));
  assert.equal(crashed.code, "source.invalid");
  assert.match(places(crashed).join("\n"), /^index\.ts:1:1 the compiler (crashed|failed) on this source/);
  assert.equal(crashed.where, "index.ts:1:1");
  const small = testCompiler({ compileMemoryBytes: 64 * 1024 * 1024 });
  const swelled = await failure(small.compile(upload("// large\nexport function f(): void {}")));
  assert.deepEqual([swelled.where, swelled.diagnostics?.[0]?.source], ["index.ts:1:1", "// large"]);
});

test("an error in a default is placed in the default, not behind the file", async () => {
  const source = `export function f(a: i32, b: string = a): string { return b; }
export function g(a: i32,
  b: i32 = nowhere(
    a)): i32 { return b; }
`;
  const error = await failure(compiler.compile(upload(source)));
  assert.deepEqual(
    places(error).map((one) => one.split(" ")[0]),
    ["index.ts:1:39", "index.ts:3:12"],
  );
});

test("a refusal keeps its place, and any other error stays unchanged", () => {
  const files = upload({ "a.ts": "first\r\nsecond" });
  const diagnostics = [{ file: "a.ts", line: 2, column: 3, message: "m", source: "second" }];
  const placed = new HerdError("source.invalid", "m", { diagnostics, where: "a.ts:2:3" });
  assert.equal(placedInUpload(placed, files), placed);
  const busy = new HerdError("node.overloaded", "busy");
  assert.equal(placedInUpload(busy, files), busy);
  const start = placedInUpload(new HerdError("source.invalid", "the app needs 128 MiB"), files);
  assert.ok(start instanceof HerdError, String(start));
  assert.deepEqual(places(start), ["a.ts:1:1 the app needs 128 MiB"]);
  assert.equal(start.diagnostics?.[0]?.source, "first");
});
