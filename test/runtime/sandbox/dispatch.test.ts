// How calls reach threads: bounds, deadlines, cancelling, moving on, stopping.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, mock, test } from "node:test";
import { promisify } from "node:util";
import type { CallResult, RevisionCall } from "../../../runtime/sandbox/call.js";
import { Threads } from "../../../runtime/sandbox/pool/threads.js";
import { Sandbox } from "../../../runtime/sandbox/sandbox.js";
import { systemClock } from "../../../src/core/clock.js";
import { defaultLimits } from "../../../src/core/limits.js";
import { compileGuests, failureOf, Guest, startSandbox } from "./guests.js";

const { spin: component } = await compileGuests("spin");
/** The URL of a module of `src/core`, as a literal of a script. */
const moduleUrl = (name: string): string =>
  JSON.stringify(new URL(`../../../src/core/${name}.js`, import.meta.url).href);
const started: { stop(): Promise<void> }[] = [];
after(() => Promise.all(started.map((sandbox) => sandbox.stop())));

async function open(options: Parameters<typeof startSandbox>[0]) {
  const { sandbox } = await startSandbox(options);
  started.push(sandbox);
  return { sandbox, guest: new Guest(sandbox, await sandbox.prepare(component, "spin")) };
}

/** Calls often enough that the function is known to be small. */
async function warm(guest: Guest, name = "add", args: unknown = { a: 1, b: 2 }): Promise<void> {
  for (let round = 0; round < 3; round++) await Promise.all(Array.from({ length: 200 }, () => guest.call(name, args)));
}

test("a full queue refuses at once, and says when to come again", async () => {
  const { sandbox, guest } = await open({ workers: 1, limit: { queueLength: 5 } });
  let ended = false;
  const running = guest.failure("forever", {}, { deadline: Date.now() + 1_000 }).finally(() => {
    ended = true;
  });
  const queued = Array.from({ length: 5 }, () => guest.call("add", [1, 2]));
  assert.deepEqual(sandbox.stats(), { slots: 1, running: 1, queued: 5 });
  const error = await guest.failure("add", [1, 2]);
  assert.ok(!ended, "it does not wait for a call to end");
  assert.deepEqual([error.code, error.retryAfterSeconds], ["node.overloaded", 1]);
  assert.deepEqual(await Promise.all(queued), [3, 3, 3, 3, 3]);
  assert.equal((await running).code, "function.deadline");
});

test("arguments that wait are bounded in bytes, and make room when their calls end", async () => {
  const { guest } = await open({ workers: 1, limit: { queueBytes: 200_000 } });
  const body = Buffer.from(`[1,2]${" ".repeat(99_995)}`);
  for (let round = 0; round < 2; round++) {
    const running = guest.failure("forever", [], { deadline: Date.now() + 300 });
    const waiting = guest.raw("add", body);
    const error = await failureOf(guest.raw("add", body));
    assert.deepEqual([error.code, error.retryAfterSeconds], ["node.overloaded", 1]);
    assert.equal((await waiting).json, "3");
    assert.equal((await running).code, "function.deadline");
  }
  assert.equal((await guest.raw("add", Buffer.from(`[1,2]${" ".repeat(300_000)}`))).json, "3");
});

test("a call whose deadline passes while it waits fails then, not later", async () => {
  const { guest } = await open({ workers: 1 });
  let ended = false;
  const running = guest.failure("forever", {}, { deadline: Date.now() + 1_500 }).finally(() => {
    ended = true;
  });
  const error = await guest.failure("add", [1, 2], { deadline: Date.now() + 100 });
  assert.equal(error.code, "function.deadline");
  assert.ok(!ended, "it does not wait for the call before it");
  assert.equal((await guest.failure("add", [1, 2], { deadline: Date.now() - 1 })).code, "function.deadline");
  await running;
});

test("a cancelled call leaves the queue", async () => {
  const { sandbox, guest } = await open({ workers: 1 });
  const running = guest.failure("forever", {}, { deadline: Date.now() + 500 });
  const controller = new AbortController();
  const waiting = guest.raw("add", "[1,2]", { signal: controller.signal });
  controller.abort(new Error("the client went away"));
  await assert.rejects(waiting, /the client went away/);
  assert.equal(sandbox.stats().queued, 0);
  await assert.rejects(guest.raw("add", "[1,2]", { signal: controller.signal }), /went away/);
  await running;
});

test("a spinning call in a batch fails alone: the calls before are answered, the calls after it move", async () => {
  const { guest } = await open({ workers: 1 });
  await warm(guest);
  await warm(guest, "moody", { spin: false });
  let ended = false;
  const before = Array.from({ length: 5 }, (_, index) => guest.call("add", [index, 0]));
  const spinning = guest.failure("moody", { spin: true }, { deadline: Date.now() + 5_000 }).finally(() => {
    ended = true;
  });
  const behind = Array.from({ length: 20 }, (_, index) => guest.call("add", [index, 1]));
  assert.deepEqual(
    await Promise.all(before),
    Array.from({ length: 5 }, (_, index) => index),
  );
  assert.equal(ended, false, "results leave when their calls end");
  assert.deepEqual(
    await Promise.all(behind),
    Array.from({ length: 20 }, (_, index) => index + 1),
  );
  assert.equal((await spinning).code, "function.deadline");
});

test("calls behind a spinning one go to the other worker at once", async () => {
  const { sandbox, guest } = await open({ workers: 2 });
  await warm(guest);
  await warm(guest, "moody", { spin: false });
  let ended = false;
  const spinning = guest.failure("moody", { spin: true }, { deadline: Date.now() + 60_000 }).finally(() => {
    ended = true;
  });
  const behind = { deadline: Date.now() + 60_000 };
  await Promise.all(Array.from({ length: 500 }, (_, index) => guest.call("add", [index, 1], behind)));
  assert.equal(ended, false, "all 500 are answered while it spins");
  await sandbox.preempt(0);
  assert.equal((await spinning).code, "node.paused");
});

test("many calls past one deadline fail with its code, and the node goes on", async () => {
  const { sandbox, guest } = await open({ workers: 2 });
  const deadline = Date.now() + 300;
  const errors = await Promise.all(Array.from({ length: 8 }, () => guest.failure("forever", {}, { deadline })));
  assert.deepEqual(new Set(errors.map(({ code }) => code)), new Set(["function.deadline"]));
  assert.equal(await guest.call("add", [1, 2]), 3);
  assert.deepEqual(sandbox.stats(), { slots: 2, running: 0, queued: 0 });
});

test("a revision that was forgotten runs again when it is called", async () => {
  const { sandbox, guest } = await open({ workers: 1 });
  assert.equal(await guest.call("add", [1, 2]), 3);
  sandbox.forget("spin");
  assert.equal(await guest.call("add", [1, 2]), 3);
});

test("more revisions than a thread keeps all run, in turns", async () => {
  const { sandbox } = await open({ workers: 1 });
  const guests: Guest[] = [];
  for (let index = 0; index < 80; index++) {
    const prepared = await sandbox.prepare(component, `r${index}`);
    guests.push(new Guest(sandbox, { ...prepared, memoryBytes: 16 * 2 ** 20 }));
  }
  for (let round = 0; round < 2; round++) {
    const sums: unknown[] = await Promise.all(guests.map((guest, index) => guest.call("add", [index, round])));
    const expected = guests.map((_guest, index) => index + round);
    assert.deepEqual(sums, expected);
  }
});

test("a call that begins in the place of a preempted one is answered, also where the queue is full", async () => {
  const waiting = 5;
  const { sandbox, guest } = await open({ workers: 1, limit: { queueLength: waiting } });
  const call = (n: number): RevisionCall => ({
    prepared: guest.prepared,
    function: "add",
    arguments: { format: "json", body: `[${n},1]` },
    id: "again",
    deadline: Date.now() + 20_000,
  });
  const running = guest.failure("forever", {}, { deadline: Date.now() + 20_000 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  const answers = Array.from(
    { length: waiting },
    (_, n) =>
      new Promise((resolve, reject) => {
        const again = { resolve: ({ json }: CallResult) => resolve(json), reject };
        sandbox.begin(call(n), {
          resolve: () => reject(new Error("it ran")),
          reject: () => sandbox.begin(call(n), again),
        });
      }),
  );
  await sandbox.preempt(0);
  assert.equal((await running).code, "node.paused");
  assert.deepEqual(await Promise.all(answers), ["1", "2", "3", "4", "5"]);
});

test("a callback that throws takes no other call's answer and no worker away, and is reported", async () => {
  const { sandbox, guest } = await open({ workers: 1 });
  await warm(guest);
  const thrown: string[] = [];
  const queue = queueMicrotask;
  // Piscina's tasks come this way too, where a spare thread boots meanwhile.
  const later = mock.method(globalThis, "queueMicrotask", (task: () => void) =>
    queue(() => {
      try {
        task();
      } catch (error) {
        thrown.push(error instanceof Error ? error.message : String(error));
      }
    }),
  );
  const deadline = Date.now() + 20_000;
  const call = { prepared: guest.prepared, function: "add", id: "throws", deadline };
  const fault = (): never => {
    throw new Error("a defect of the caller");
  };
  sandbox.begin({ ...call, arguments: { format: "json", body: "[1,1]" } }, { resolve: fault, reject: fault });
  sandbox.begin({ ...call, arguments: { format: "json", body: "no" } }, { resolve: fault, reject: fault });
  const beside = await Promise.all([guest.call("add", [1, 2]), guest.call("add", [2, 2])]);
  later.mock.restore();
  assert.deepEqual(beside, [3, 4]);
  assert.deepEqual(sandbox.stats(), { slots: 1, running: 0, queued: 0 });
  assert.deepEqual(thrown, ["a defect of the caller", "a defect of the caller"]);
});

test("an unknown function is refused by name", async () => {
  const { guest } = await open({ workers: 1 });
  assert.equal((await guest.failure("nope", {})).code, "function.unknown");
  assert.equal((await guest.failure("__proto__", {})).code, "function.unknown");
});

test("stop lets calls end, refuses new ones, and can be asked twice", async () => {
  const { sandbox, guest } = await open({ workers: 2 });
  await sandbox.start();
  const running = [guest.call("spinFor", [100]), guest.call("add", [1, 2]), guest.call("spinFor", [100])];
  const stopped = Promise.all([sandbox.stop(), sandbox.stop()]);
  assert.equal((await failureOf(guest.raw("add", "[1,2]"))).code, "node.draining");
  assert.equal((await Promise.all(running))[1], 3);
  await stopped;
  assert.deepEqual(sandbox.stats(), { slots: 2, running: 0, queued: 0 });
});

test("stop does not wait for a start that has not ended, and no start follows a stop", async () => {
  const options = {
    workers: 2,
    limits: defaultLimits,
    nodeName: "testing",
    clock: systemClock,
  };
  const sandbox = new Sandbox(options);
  const starting = failureOf(sandbox.start());
  await sandbox.stop();
  assert.equal((await starting).code, "node.draining");
  const never = new Sandbox(options);
  await never.stop();
  assert.equal((await failureOf(never.start())).code, "node.draining");
});

test("threads that do not boot in time fail the start", async () => {
  const ignore = (): void => undefined;
  const events = { onReady: ignore, onLost: ignore, onEnded: ignore };
  const threads = new Threads({
    count: 1,
    limits: defaultLimits,
    nodeName: "testing",
    clock: systemClock,
    bootMs: 1,
    ...events,
  });
  assert.match((await failureOf(threads.start(1))).message, /did not boot in 1 ms/);
  await threads.stop();
});

test("after stop no handle of the sandbox is open, whether idle, after a kill, or never started", async () => {
  const script = `
    import { Sandbox } from ${JSON.stringify(new URL("../../../runtime/sandbox/sandbox.js", import.meta.url).href)};
    import { defaultLimits as limits } from ${moduleUrl("limits")};
    import { systemClock as clock } from ${moduleUrl("clock")};
    const sandbox = new Sandbox({ workers: 2, limits, clock, nodeName: "n" });
    const component = Buffer.from(process.argv[1], "base64");
    await sandbox.start();
    const prepared = await sandbox.prepare(component, "r");
    const call = { prepared, function: "forever", arguments: { format: "json", body: "" }, id: "i" };
    await sandbox.run({ ...call, deadline: Date.now() + 100 }).catch((error) => console.log(error.code));
    await sandbox.stop();
    const isHandle = (kind) => !kind.includes("Wrap") && !kind.includes("TTY");
    const open = () => process.getActiveResourcesInfo().filter(isHandle);
    const wait = () => new Promise((resolve) => setTimeout(resolve, 10));
    // A port that was closed is gone some turns of the event loop later.
    for (let turns = 0; open().length > 0 && turns < 1_000; turns++) await wait();
    console.log(open().join());
    await new Sandbox({ workers: 2, limits, clock, nodeName: "n" }).stop();
  `;
  const base64 = Buffer.from(component).toString("base64");
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script, base64], {
    timeout: 60_000,
  });
  assert.equal(stdout.trim(), "function.deadline");
});
