// A worker thread is never lost: whatever one throws, leaves out or does not answer, it is ended and replaced, and
// calls go on.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import type { Worker } from "node:worker_threads";
import type { AppInterface } from "../../runtime/interface/model.js";
import type { ThreadEnd } from "../../runtime/sandbox/pool/thread-ends.js";
import { prepare } from "../../runtime/sandbox/prepare/prepare.js";
import type { PreparedRevision } from "../../runtime/sandbox/prepared-revision.js";
import type { Sandbox, SandboxOptions } from "../../runtime/sandbox/sandbox.js";
import { webAssembly } from "../../runtime/sandbox/web-assembly.js";
import { HerdError } from "../../src/core/errors.js";
import { failureOf, Guest, isPreparer, startSandbox } from "../runtime/sandbox/guests.js";
import { component, core, moduleText, unary } from "../runtime/sandbox/hand-made.js";
import { bootFaultVariable, faults } from "./faulty-worker.js";

/** Often enough that a test need not wait for a minute. */
const watchdogMs = 40;
const workers = 2;
const number = { kind: "s32" } as const;
const echo = component(core(moduleText('(func (export "$#echo") (param i32) (result i32) (local.get 0))')), {
  functions: [unary("echo", number)],
});
const folder = mkdtempSync(join(tmpdir(), "herd-threads-"));
const bootFault = join(folder, "boot");
process.env[bootFaultVariable] = bootFault;
after(() => rmSync(folder, { recursive: true, force: true }));

/** Threads of the test that runs. */
let alive = new Set<Worker>();
process.on("worker", (worker: Worker) => {
  if (isPreparer(worker)) return;
  const all = alive;
  all.add(worker);
  worker.once("exit", () => all.delete(worker));
});

interface Bed {
  readonly sandbox: Sandbox;
  readonly guest: Guest;
  readonly ends: ThreadEnd[];
}

async function open(context: TestContext, options: Partial<SandboxOptions> = {}): Promise<Bed> {
  alive = new Set();
  const ends: ThreadEnd[] = [];
  const worker = new URL("./faulty-worker.js", import.meta.url);
  const onThreadEnd = (end: ThreadEnd): void => void ends.push(end);
  const { sandbox } = await startSandbox({ workers, watchdogMs, worker, onThreadEnd, ...options });
  context.after(() => sandbox.stop());
  return { sandbox, ends, guest: new Guest(sandbox, await sandbox.prepare(echo, "echo")) };
}

/** Has the next boots fail in that way, until the file is removed. */
function failBoots(context: TestContext, fault: string): void {
  writeFileSync(bootFault, fault);
  context.after(() => rmSync(bootFault, { force: true }));
}

async function until(what: string, isSo: () => boolean, leftMs = 60_000): Promise<void> {
  for (const end = performance.now() + leftMs; !isSo(); ) {
    assert.ok(performance.now() < end, `${what} did not come about`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** All threads there, and as many calls at a time as ever. */
async function isWhole({ sandbox, guest }: Bed): Promise<void> {
  await until("all threads answer", () => sandbox.threads === workers + 1);
  const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => guest.call("echo", [n])));
  assert.deepEqual(
    answers,
    Array.from({ length: 40 }, (_, n) => n),
  );
  assert.deepEqual(sandbox.stats(), { slots: workers, running: 0, queued: 0 });
}

function ended(sandbox: Sandbox, reason: string): number {
  return sandbox.threadEnds.find(([name]) => name === reason)?.[1] ?? 0;
}

const failing: Record<string, readonly [fault: number, reason: string, limitMs: number]> = {
  "throws out of a batch": [faults.throws, "failed", 10_000],
  "throws what no message can hold": [faults.throwsWhatCannotBePosted, "failed", 10_000],
  "ends itself": [faults.exits, "exited", 10_000],
  "runs out of heap": [faults.outOfHeap, "exited", 60_000],
  "returns without having run its calls": [faults.returnsAtOnce, "failed", 10_000],
  "marks a result as posted that is not": [faults.losesResult, "stuck", 10_000],
  "leaves an error that is no JSON": [faults.leavesNoJson, "fault", 10_000],
};

for (const [what, [fault, reason, limitMs]] of Object.entries(failing)) {
  test(`a thread that ${what} fails its call and is replaced, ${workers + 3} times over`, async (context) => {
    const bed = await open(context);
    await isWhole(bed);
    const first = new Set(alive);
    for (let round = 0; round < workers + 3; round++) {
      const error = await bed.guest.failure("echo", [fault], { deadline: Date.now() + limitMs });
      assert.equal(error.code, "internal");
      assert.equal(await bed.guest.call("echo", [round]), round);
    }
    // A defect that one call shows costs at most one thread a second; all others cost theirs.
    const least = reason === "fault" ? 1 : workers + 3;
    const count = (): number => ended(bed.sandbox, reason) + (reason === "exited" ? ended(bed.sandbox, "failed") : 0);
    await until("the threads were replaced", () => count() >= least);
    await until("the threads are gone", () => [...first].some((worker) => !alive.has(worker)));
    await isWhole(bed);
    assert.equal(alive.size, workers + 1, "no thread lives on beside those that are addressed");
    assert.ok(bed.ends.length > 0 || reason === "stuck", "somebody was told");
  });
}

test("a thread that hangs before it ran anything gives its calls to others, and is ended", async (context) => {
  const bed = await open(context);
  const error = await bed.guest.failure("echo", [faults.hangs], { deadline: Date.now() + 6_000 });
  assert.ok(["internal", "function.deadline"].includes(error.code), error.code);
  await until("a thread was ended", () => ended(bed.sandbox, "stuck") > 0);
  await isWhole(bed);
});

test("threads that answer calls and then nothing are found while nobody calls, and replaced", async (context) => {
  const bed = await open(context);
  await isWhole(bed);
  while (ended(bed.sandbox, "silent") === 0)
    await bed.guest.call("echo", [faults.deaf]).then(() => pause(20 * watchdogMs));
  assert.equal(ended(bed.sandbox, "exited"), 0);
  await until("no thread is deaf", () => bed.sandbox.threads === workers + 1);
  await isWhole(bed);
});

for (const fault of ["throws", "exits", "silent"]) {
  test(`while no thread can boot (${fault}) the sandbox reports it, refuses calls, and recovers`, async (context) => {
    const bed = await open(context);
    await isWhole(bed);
    failBoots(context, fault);
    for (const worker of alive) void worker.terminate();
    await until("nothing can run", () => !bed.sandbox.isAble);
    assert.deepEqual([bed.sandbox.threads, bed.sandbox.stats().slots], [0, 0]);
    await pause(3_000);
    const refused = await failureOf(bed.guest.raw("echo", "[1]"));
    assert.equal(refused.code, "node.unavailable");
    const boots = ended(bed.sandbox, "boot");
    assert.ok(boots >= 1 && boots < 30, `${boots} boots in three seconds`);
    rmSync(bootFault);
    await until("it can run again", () => bed.sandbox.isAble);
    await isWhole(bed);
  });
}

test("a call whose threads end before they take it waits for one that does", async (context) => {
  const bed = await open(context);
  await isWhole(bed);
  failBoots(context, "late");
  for (const worker of alive) void worker.terminate();
  const answer = bed.guest.call("echo", [7]);
  const before = ended(bed.sandbox, "exited");
  await until("threads ended", () => ended(bed.sandbox, "exited") >= before + 2 * workers + 3);
  rmSync(bootFault);
  assert.equal(await answer, 7);
  await isWhole(bed);
});

test("threads that die together leave nothing able for a moment, which is told and passes", async (context) => {
  const bed = await open(context, { workers: 1 });
  await until("all threads answer", () => bed.sandbox.threads === 2);
  for (const worker of alive) void worker.terminate();
  await until("nothing can run", () => !bed.sandbox.isAble);
  assert.equal(bed.sandbox.stats().slots, 0);
  await until("it can run again", () => bed.sandbox.isAble);
  assert.equal(await bed.guest.call("echo", [1]), 1);
  assert.ok(ended(bed.sandbox, "exited") >= 2, `${ended(bed.sandbox, "exited")}`);
});

test("a pause of the whole process ends no thread: looks are counted, not time", async (context) => {
  const bed = await open(context);
  await isWhole(bed);
  for (let round = 0; round < 3; round++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, watchdogMs * 50);
    await pause(watchdogMs * 2);
  }
  assert.equal(ended(bed.sandbox, "silent"), 0);
});

/** As `prepare` would make it if it let pass what it must not: the thread must hold out all the same. */
async function unchecked(text: string, app: Partial<AppInterface> = {}): Promise<PreparedRevision> {
  const functions = [unary("f", number)];
  const module = new webAssembly.Module(core(text.replaceAll("$#", "herd:app/functions#")));
  const shape: AppInterface = { version: 1, functions, records: [], enums: [], ...app };
  return {
    revision: text,
    module,
    interface: shape,
    imports: [],
    resettable: true,
    countsPages: false,
    readers: new Set(),
    memoryBytes: 65_536,
    interfaceBytes: 1_000,
  };
}

const realloc = '(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))';
const f = '(func (export "$#f") (param i32) (result i32) (local.get 0))';
const memory = '(memory (export "memory") 1)';
const zero = "(v128.const i32x4 0 0 0 0)";
const hostile: Record<string, string> = {
  "memory is a function": `(module (memory 1) (func (export "memory")) ${realloc} ${f})`,
  "memory is a global": `(module (memory 1) (global (export "memory") i32 (i32.const 1)) ${realloc} ${f})`,
  "memory is a table": `(module (memory 1) (table (export "memory") 1 funcref) ${realloc} ${f})`,
  "memory is missing": `(module ${realloc} ${f})`,
  "cabi_realloc is a memory": `(module ${memory} (export "cabi_realloc" (memory 0)) ${f})`,
  "cabi_realloc throws": `(module ${memory} (func (export "cabi_realloc") unreachable) ${f})`,
  "_initialize is a global": `(module ${memory} (global (export "_initialize") i32 (i32.const 1)) ${realloc} ${f})`,
  "_initialize takes a vector": `(module ${memory} (func (export "_initialize") (param v128)) ${realloc} ${f})`,
  "_initialize traps": `(module ${memory} (func (export "_initialize") unreachable) ${realloc} ${f})`,
  "_initialize never ends its recursion": `(module ${memory} (func $r (export "_initialize") (call $r))
    ${realloc} ${f})`,
  "the start function traps": `(module ${memory} (func $s unreachable) (start $s) ${realloc} ${f})`,
  "what saves globals is a memory": `(module ${memory} (export "herd:reset:save" (memory 0)) ${realloc} ${f})`,
  "what saves globals traps": `(module ${memory} (func (export "herd:reset:save") unreachable) ${realloc} ${f})`,
  "what restores globals is a vector": `(module ${memory} (global (export "herd:reset:restore") (mut v128) ${zero})
    ${realloc} ${f})`,
  "what restores globals traps": `(module ${memory} (func (export "herd:reset:restore") unreachable) ${realloc} ${f})`,
  "the abort's line is a vector": `(module ${memory} (global (export "herd_abort_line") v128 ${zero}) ${realloc}
    (func (export "$#f") (param i32) (result i32) unreachable))`,
  "out-of-memory is a vector": `(module ${memory} (global (export "herd_out_of_memory") v128 ${zero}) ${realloc}
    (func (export "$#f") (param i32) (result i32) unreachable))`,
  "the function is a memory": `(module ${memory} (export "$#f" (memory 0)) ${realloc})`,
  "the function returns a vector": `(module ${memory} ${realloc}
    (func (export "$#f") (param i32) (result v128) ${zero}))`,
  "the function returns 64 bits": `(module ${memory} ${realloc}
    (func (export "$#f") (param i32) (result i64) (i64.const 5)))`,
  "the function returns two values": `(module ${memory} ${realloc}
    (func (export "$#f") (param i32) (result i32 i32) (i32.const 5) (i32.const 5)))`,
  "the function throws an exception": `(module ${memory} ${realloc} (tag $t)
    (func (export "$#f") (param i32) (result i32) (throw $t)))`,
  "the function never ends its recursion": `(module ${memory} ${realloc}
    (func $f (export "$#f") (param i32) (result i32) (call $f (local.get 0))))`,
};

test("a module of the wrong shape fails its own calls and costs no thread", async (context) => {
  const { sandbox, guest, ends } = await open(context);
  await until("all threads answer", () => sandbox.threads === workers + 1);
  for (const [what, text] of Object.entries(hostile)) {
    await context.test(what, async () => {
      const bad = new Guest(sandbox, await unchecked(text));
      for (let round = 0; round < workers + 3; round++) {
        const [outcome, ...others] = await Promise.all([
          bad.call("f", [round]).catch((error: unknown) => error),
          ...Array.from({ length: 8 }, (_, n) => guest.call("echo", [n])),
        ]);
        if (outcome instanceof Error) {
          assert.ok(outcome instanceof HerdError, String(outcome));
          assert.ok(["function.trapped", "node.overloaded"].includes(outcome.code), outcome.code);
        }
        assert.deepEqual(others, [0, 1, 2, 3, 4, 5, 6, 7]);
      }
    });
  }
  await until("all threads answer", () => sandbox.threads === workers + 1);
  assert.deepEqual(
    sandbox.threadEnds.filter(([, count]) => count > 0),
    [],
  );
  assert.deepEqual(ends, []);
});

const broken: Record<string, Partial<AppInterface>> = {
  "a record that is not there": { functions: [unary("f", { kind: "record", name: "gone" })] },
  "an enum that is not there": { functions: [unary("f", { kind: "enum", name: "gone" })] },
  "a record that holds itself": {
    functions: [unary("f", { kind: "record", name: "r" })],
    records: [{ name: "r", wit: "r", fields: [{ name: "r", wit: "r", type: { kind: "record", name: "r" } }] } as never],
  },
  "parameters without an end": { functions: [{ name: "f", wit: "f", parameters: undefined, result: null } as never] },
};

test("a defect met in a call fails that call alone; the thread is replaced when spared", async (context) => {
  const { sandbox, guest } = await open(context);
  await until("all threads answer", () => sandbox.threads === workers + 1);
  for (const [what, app] of Object.entries(broken)) {
    await context.test(what, async () => {
      const prepared = await unchecked(`(module ${memory} ${realloc} ${f})`, app);
      const bad = new Guest(sandbox, { ...prepared, revision: what });
      for (let round = 0; round < workers + 3; round++) {
        const [error, ...others] = await Promise.all([
          bad.failure("f", [round]),
          ...Array.from({ length: 8 }, (_, n) => guest.call("echo", [n])),
        ]);
        assert.ok(["internal", "function.trapped"].includes(error.code), error.code);
        assert.deepEqual(others, [0, 1, 2, 3, 4, 5, 6, 7]);
      }
    });
  }
  assert.equal(ended(sandbox, "failed"), 0, "no batch failed as a whole");
  await until("one thread was replaced", () => ended(sandbox, "fault") > 0);
  await until("all threads answer", () => sandbox.threads === workers + 1);
});

test("what prepare is to refuse it refuses", async () => {
  const app = { functions: [unary("f", number)] };
  const bytes = component(core(hostile["memory is missing"]?.replaceAll("$#", "herd:app/functions#") ?? ""), app);
  const options = { revision: "r", limits: { memoryBytes: 65_536 } };
  assert.equal((await failureOf(prepare(bytes, options))).code, "source.invalid");
});

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
