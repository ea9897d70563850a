// Hostile bytes are looked at in a thread of its own, within bounds on time and memory; what failed for what it is
// stays refused.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { collectGarbage } from "../../runtime/sandbox/collect-garbage.js";
import { threadCpuMs } from "../../runtime/sandbox/prepare/thread-cpu.js";
import { HerdError } from "../../src/core/errors.js";
import { Activation } from "../../src/deploy/activation.js";
import { failureOf } from "../runtime/sandbox/guests.js";
import { component, core, moduleText } from "../runtime/sandbox/hand-made.js";
import { bareModule, coreModule, repeated, section, tedious, wrapped } from "./forge.js";
import { bombs } from "./many-sections.js";
import { preparer } from "./preparing.js";

const good = component(core(moduleText("")));

test("components that take long to look at are refused, and the next is prepared", async (context) => {
  const made = preparer(context);
  for (const [what, bytes] of Object.entries(bombs))
    assert.equal((await failureOf(made.prepare(bytes, what))).code, "source.invalid", what);
  assert.equal((await made.prepare(good, "good")).revision, "good");
});

test("a component that takes too much CPU time is refused for good; the next has a new thread", async (context) => {
  if (threadCpuMs(process.pid) === undefined) return context.skip("no account of a thread's time here");
  const made = preparer(context, { cpuMs: 50 });
  const error = await failureOf(made.prepare(tedious(11), "r"));
  assert.deepEqual([error.code, /50 ms of CPU time/.test(error.message)], ["source.invalid", true]);
  assert.equal((await made.prepare(good, "good")).revision, "good");
});

test("a slow machine is no fault of the component", async (context) => {
  const made = preparer(context, { wallMs: 0 });
  const error = await failureOf(made.prepare(tedious(11), "r"));
  assert.equal(error.code, "compile.timeout");
  assert.ok((error.retryAfterSeconds ?? 0) > 0, `${error.retryAfterSeconds}`);
});

test("a component that takes too much memory is refused for good, and the next has a new thread", async (context) => {
  const made = preparer(context, { heapMegabytes: 6 });
  const name = Buffer.concat([Buffer.of(0x80, 0x08), Buffer.alloc(1_024, "n"), Buffer.of(2, 0)]);
  const names = coreModule([section(5, Buffer.of(1, 0, 1)), section(7, repeated(name, 10_000))]);
  const error = await failureOf(made.prepare(wrapped(names), "r"));
  assert.deepEqual([error.code, /6 MiB of memory/.test(error.message)], ["source.invalid", true]);
  assert.equal((await made.prepare(good, "good")).revision, "good");
});

test("those that wait are bounded in number and bytes; one is always let in", async (context) => {
  const made = preparer(context, { waiting: 2, waitingBytes: 1 });
  const first = made.prepare(good, "one");
  const second = await failureOf(made.prepare(good, "two"));
  assert.deepEqual([second.code, (await first).revision], ["node.overloaded", "one"]);
  const few = preparer(context, { waiting: 2 });
  const [one, two] = [few.prepare(good, "one"), few.prepare(good, "two")];
  const third = await failureOf(few.prepare(good, "three"));
  assert.deepEqual([third.code, (await one).revision, (await two).revision], ["node.overloaded", "one", "two"]);
});

test("the code of components that went is not kept", async (context) => {
  const made = preparer(context);
  const body = "(local.set 0 (i32.mul (local.get 0) (i32.const 3)))".repeat(40);
  const functions = `(func (param i32) (result i32) ${body} (local.get 0))`.repeat(1_000);
  const large = Buffer.from(component(core(moduleText(functions))));
  const factor = Buffer.of(0x41, 3, 0x6c);
  const [first, second] = [large.indexOf(factor) + 1, large.lastIndexOf(factor) + 1];
  const round = async (number: number): Promise<number> => {
    for (let index = 0; index < 64; index++) {
      // The engine shares the code of equal modules.
      const other = Buffer.from(large);
      other[first] = index % 60;
      other[second] = number * 2 + Math.floor(index / 60);
      await made.prepare(other, `r${index}`);
    }
    collectGarbage();
    return process.memoryUsage.rss() / 2 ** 20;
  };
  const before = await round(0);
  for (const number of [1, 2]) await round(number);
  const more = (await round(3)) - before;
  assert.ok(more < 30, `${more} MiB more after ${3 * 64} components of 280 KB`);
});

test("the thread ends when nobody asks, and another one comes when somebody does", {
  skip: process.platform !== "linux",
}, async (context) => {
  const before = new Set(readdirSync("/proc/self/task"));
  const alive = (): string[] => readdirSync("/proc/self/task").filter((id) => !before.has(id));
  const made = preparer(context, { idleMs: 300 });
  await made.prepare(good, "good");
  assert.notDeepEqual(alive(), []);
  for (let tries = 0; tries < 500 && alive().length > 0; tries++) await delay(20);
  assert.deepEqual(alive(), []);
  assert.equal((await made.prepare(good, "again")).revision, "again");
});

test("a stop ends what runs and what waits", async (context) => {
  const made = preparer(context);
  await made.prepare(good, "good");
  const failures = [tedious(11), good].map((bytes) => failureOf(made.prepare(bytes, "r")));
  await delay(20);
  await made.stop();
  for (const failure of failures) assert.equal((await failure).code, "node.draining");
  assert.equal((await failureOf(made.prepare(good, "late"))).code, "node.draining");
});

test("stored sources of peers are checked there too", async (context) => {
  const made = preparer(context);
  await made.checkSource(Buffer.from('[{"path":"index.ts","text":"a\\"b"}]'));
  const wrong = [
    "x",
    "{}",
    "[1]",
    '[{"path":"a"}]',
    '[{"path":1,"text":""}]',
    '[{"path":"a","text":"","more":1}]',
    `[${"{},".repeat(5e6)}{}]`,
  ];
  for (const text of wrong) assert.equal((await failureOf(made.checkSource(Buffer.from(text)))).code, "source.invalid");
});

/** An activation whose preparer fails as it is told, and counts. */
function failing(error: () => HerdError): { activation: Activation; tries: () => number } {
  let tries = 0;
  const fail = () => {
    tries++;
    return Promise.reject(error());
  };
  const catalog = {
    get: () => undefined,
    digestOf: () => undefined,
    component: () => Promise.reject(error()),
  };
  const activation = new Activation({
    catalog,
    preparer: { prepare: fail, inspect: fail, checkSource: fail },
    switch: { activate: () => undefined, remove: () => undefined },
  });
  return { activation, tries: () => tries };
}

test("what failed for its bytes is not tried again; what failed for the machine is", async () => {
  const cases: [HerdError["code"], number][] = [
    ["source.invalid", 1],
    ["internal", 3],
    ["node.overloaded", 6],
    ["compile.timeout", 6],
    ["node.draining", 6],
  ];
  for (const [code, expected] of cases) {
    const { activation, tries } = failing(() => new HerdError(code, "no luck"));
    for (let round = 0; round < 6; round++) await failureOf(activation.prepare(good, "same"));
    assert.equal(tries(), expected, code);
    await failureOf(activation.prepare(bareModule(), "other"));
    assert.equal(tries(), expected + 1, code);
  }
});
