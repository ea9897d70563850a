// Sources that hang, crash or exhaust the compiler: their author gets an error, the next upload compiles.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, test } from "node:test";
import { Compiler } from "../../../runtime/compile/compiler.js";
import { failure, patientLimits, slowSource, testCompiler, upload } from "./compiling.js";

const mebibyte = 1024 * 1024;
const good = upload("export function f(a: i32): i32 { return a; }");

test("a source that takes too long is stopped at the limit, and the next one compiles", async () => {
  const limits = { ...patientLimits };
  const compiler = new Compiler({ limits });
  after(() => compiler.stop());
  await compiler.compile(good);
  limits.compileCpuMs = 4_000;
  const from = performance.now();
  const error = await failure(compiler.compile(upload(slowSource(6_000))));
  const took = performance.now() - from;
  assert.equal(error.code, "source.invalid");
  assert.match(error.message, /used up its processor time/);
  assert.ok(took < 30_000, `${took} ms`);
  limits.compileCpuMs = patientLimits.compileCpuMs;
  await compiler.compile(good);
});

test("sources that crash the compiler cost an error, and the next one compiles", async () => {
  const compiler = testCompiler();
  const crashes = {
    "recursion in an expression": `export function f(a: i32): i32 { return ${"a+".repeat(99_999)}a; }`,
    "nesting of parentheses": `export function f(): i32 { return ${"(".repeat(50_000)}1${")".repeat(50_000)}; }`,
    "endless instantiation of a generic":
      "function g<T>(a: T, n: i32): void { if (n > 0) g<Array<T>>([a], n - 1); }\n" +
      "export function f(): void { g<i32>(1, 9); }",
  };
  for (const [name, source] of Object.entries(crashes)) {
    assert.equal((await failure(compiler.compile(upload(source)))).code, "source.invalid", name);
  }
  await compiler.compile(good);
});

test("a source that exhausts the compiler's memory is stopped, and the next one compiles", async () => {
  // More than the compiler itself needs, less than this source makes it use.
  const compiler = testCompiler({ compileMemoryBytes: 330 * mebibyte });
  const error = await failure(compiler.compile(upload(slowSource(6_000))));
  assert.equal(error.code, "source.invalid");
  assert.match(error.message, /out of memory/);
  await compiler.compile(good);
});

test("a compiler process that one source left large is replaced", { skip: process.platform !== "linux" }, async () => {
  const before = childCount();
  // Less than a process holds after any compilation, so that each one leaves the process too large.
  const compiler = new Compiler({ limits: patientLimits, restBytes: 150 * mebibyte });
  try {
    const pids = new Set<number | undefined>();
    for (let round = 0; round < 3; round++) {
      await compiler.compile(good);
      pids.add(compiler.pids[0]);
    }
    assert.equal(pids.size, 3, "each round leaves another process");
    assert.equal(childCount() - before, 1);
  } finally {
    await compiler.stop();
  }
  assert.equal(childCount(), before);
});

/** How many processes this one has started that have not ended. */
function childCount(): number {
  const isChild = (pid: string): boolean => {
    try {
      // proc(5): after the name in parentheses come the state and the parent's id.
      const [state, parent] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
      return state !== "Z" && Number(parent) === process.pid;
    } catch {
      return false;
    }
  };
  return readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name) && isChild(name)).length;
}

test("one process is warm before it is needed and is kept; a second one ends when it is idle", async () => {
  const compiler = new Compiler({ limits: patientLimits, idleMs: 50 });
  compiler.start();
  const [warm] = compiler.pids;
  assert.ok(warm !== undefined, "no warm");
  await compiler.compile(good);
  assert.deepEqual(compiler.pids, [warm]);
  await Promise.all([compiler.compile(good, { key: "a" }), compiler.compile(good, { key: "b" })]);
  while (compiler.pids.length > 1) await new Promise((resolve) => setTimeout(resolve, 20));
  await compiler.compile(good);
  assert.equal(compiler.pids.length, 1);
  await compiler.stop();
  assert.equal((await failure(compiler.compile(good))).code, "node.draining");
});

test("a source is not refused for memory in a process that has compiled others", async () => {
  const limits = { ...patientLimits, compileMemoryBytes: 330 * mebibyte, compileCpuMs: 60_000 };
  const compiler = new Compiler({ limits });
  after(() => compiler.stop());
  await compiler.compile(good);
  const [used] = compiler.pids;
  // The used process keeps its limit, as if the first source had left too little room; a new one gets this.
  limits.compileMemoryBytes = patientLimits.compileMemoryBytes;
  await compiler.compile(upload(slowSource(2_000)));
  assert.notDeepEqual(compiler.pids, [used]);
});

test("the last process ends when nobody deploys for long, and the next upload starts another", async () => {
  const compiler = new Compiler({ limits: patientLimits, idleMs: 20, restMs: 50 });
  after(() => compiler.stop());
  compiler.start();
  assert.equal(compiler.pids.length, 1);
  while (compiler.pids.length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await compiler.compile(good);
});

test("a process is warm after a few compilations, and an upload that comes meanwhile gets that process", async () => {
  const compiler = testCompiler();
  assert.equal(await compiler.warmUp(), false, "without a process there is nothing to warm up");
  compiler.start();
  const before = compiler.pids;
  const step = compiler.warmUp();
  assert.equal(compiler.busy, true);
  await compiler.compile(good);
  assert.deepEqual(compiler.pids, before);
  let steps = 1;
  for (let isCold = await step; isCold && steps < 10; steps++) isCold = await compiler.warmUp();
  assert.ok(steps < 5, `${steps} steps`);
  assert.equal(await compiler.warmUp(), false);
  assert.deepEqual(compiler.pids, before);
});

test("uploads' bounds are not the warm-up's, and a process that each step ends is not warmed for ever", async () => {
  const small = testCompiler({ sourceBytes: 200 });
  small.start();
  await small.warmUp();
  assert.ok((await small.compile(good)).component.length > 0, "no component");
  const tight = new Compiler({ limits: patientLimits, restBytes: 150 * mebibyte });
  after(() => tight.stop());
  tight.start();
  let steps = 1;
  for (; steps < 10 && (await tight.warmUp()); ) steps++;
  assert.ok(steps < 5, `${steps} steps`);
});

test("a warm-up that fails is not tried again", async () => {
  const compiler = testCompiler({ compileMemoryBytes: 64 * mebibyte });
  compiler.start();
  assert.equal(await compiler.warmUp(), false);
  const before = compiler.pids;
  assert.equal(await compiler.warmUp(), false);
  assert.deepEqual(compiler.pids, before);
});
