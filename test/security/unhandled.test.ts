// An exception or a rejection that nothing handles: logged, counted, answered by a drain and by the code that has a
// node started again.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { recycledCode } from "../../src/cli/up.js";
import { Metrics } from "../../src/core/metrics.js";
import { defaultOwnerPolicy } from "../../src/core/owner-policy.js";
import { packageRoot } from "../../src/core/package-root.js";
import { type UnhandledKind, watchUnhandledErrors } from "../../src/core/unhandled-errors.js";
import { Governor } from "../../src/owner/governor.js";
import { VirtualTime } from "../harness/virtual/virtual-time.js";
import { lineWith, readyOf, startChild } from "./child-node.js";

interface Watched {
  readonly process: EventEmitter;
  readonly reported: [UnhandledKind, unknown][];
  readonly exits: number[];
}

function watched(drain: () => Promise<void>, drainMs = 50): Watched {
  const process = new EventEmitter();
  const reported: [UnhandledKind, unknown][] = [];
  const exits: number[] = [];
  const report = (kind: UnhandledKind, cause: unknown): void => void reported.push([kind, cause]);
  watchUnhandledErrors({ report, drain, exit: () => exits.push(performance.now()), drainMs, source: process });
  return { process, reported, exits };
}

test("a fault is reported with its kind and cause, and the process ends once it has drained", async () => {
  let drained: () => void = () => undefined;
  const { process, reported, exits } = watched(() => new Promise((resolve) => (drained = resolve)), 60_000);
  const cause = new Error("a defect");
  process.emit("uncaughtException", cause, "unhandledRejection");
  assert.deepEqual(reported, [["rejection", cause]]);
  await sleep(20);
  assert.equal(exits.length, 0);
  drained();
  await sleep(20);
  assert.equal(exits.length, 1);
});

test("a drain that fails, at once or later, or that never ends, is bounded", async () => {
  for (const drain of [
    () => Promise.reject(new Error("no drain")),
    () => {
      throw new Error("no drain at all");
    },
    () => new Promise<void>(() => undefined),
  ]) {
    const { process, exits } = watched(drain);
    process.emit("uncaughtException", new Error("a defect"), "uncaughtException");
    await sleep(200);
    assert.equal(exits.length, 1);
  }
});

test("a second fault ends the process at once, also one of the report", () => {
  const { process, reported, exits } = watched(() => new Promise(() => undefined), 60_000);
  process.emit("uncaughtException", new Error("first"), "uncaughtException");
  process.emit("uncaughtException", new Error("second"), "uncaughtException");
  assert.equal(reported.length, 2);
  assert.equal(exits.length, 1);
});

/** A node as a process, in which SIGUSR2 makes the fault that `code` says. */
function faulty(t: TestContext, code: string) {
  const preload = `process.on("SIGUSR2",()=>{${code}})`;
  // These faults are meant: the run's witness must not see them.
  return startChild(t, { flags: ["--workers", "1"], preload, env: { HERD_FAULTS: "" } });
}

/** There are no such signals on Windows. */
const skip = process.platform === "win32";

for (const [kind, code] of [
  ["rejection", 'Promise.reject(new Error("made for a test"))'],
  ["exception", 'throw new Error("made for a test")'],
] as const) {
  test(`a node that meets an unhandled ${kind} logs it with its cause, drains and asks to be started again`, {
    skip,
  }, async (t) => {
    const child = faulty(t, code);
    const ready = await readyOf(child);
    const logged = lineWith(child, "nothing handled");
    child.kill("SIGUSR2");
    const line = JSON.parse(await logged) as {
      level: string;
      message: string;
      cause: { message: string; stack: string };
    };
    assert.equal(line.level, "error");
    assert.match(line.message, new RegExp(`^an? ${kind}`));
    assert.equal(line.cause.message, "made for a test");
    assert.match(line.cause.stack, /at /);
    const [exit] = await once(child, "close");
    assert.equal(exit, recycledCode);
    assert.match(ready.url, /^https:/);
  });
}

test("two faults at a time end a node at once, with the same code", { skip }, async (t) => {
  const child = faulty(t, 'setImmediate(()=>{throw new Error("second")});throw new Error("first")');
  await readyOf(child);
  child.kill("SIGUSR2");
  const [exit] = await once(child, "close");
  assert.equal(exit, recycledCode);
});

/** A disk that is full, as Linux plays one. */
const full = "/dev/full";

test("a log that cannot be written ends no process", { skip: !existsSync(full) }, async () => {
  const url = (path: string): string => JSON.stringify(new URL(`dist/src/core/${path}.js`, packageRoot()).href);
  const script = `
    import { createLogger } from ${url("log")};
    import { LogRing } from ${url("log-ring")};
    const log = createLogger({ node: "n", clock: { now: Date.now, monotonic: Date.now }, ring: new LogRing() });
    for (let line = 0; line < 100; line++) log.info("there is no room for this");
    setTimeout(() => process.exit(7), 200);`;
  const stderr = openSync(full, "w");
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "ignore", stderr],
    env: { ...process.env, HERD_FAULTS: "" },
  });
  closeSync(stderr);
  const [exit] = await once(child, "exit");
  assert.equal(exit, 7);
});

test("a node whose terminal is gone goes on", { skip }, async (t) => {
  const child = faulty(t, 'for (let line = 0; line < 10; line++) console.error("nobody reads this")');
  await readyOf(child);
  child.stderr.destroy();
  await sleep(100);
  child.kill("SIGUSR2");
  await sleep(1_000);
  assert.equal(child.exitCode, null);
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  assert.deepEqual(await ended, [0, null]);
});

test("a sensor that fails is no fault: the governor samples again", async () => {
  const time = new VirtualTime();
  let samples = 0;
  const governor = new Governor({
    defaults: defaultOwnerPolicy,
    workers: 2,
    cores: 2,
    clock: time,
    timers: time,
    alone: () => false,
    store: { stored: { set: {}, pausedUntil: undefined }, keep: async () => undefined },
    signals: {
      read: async () => {
        samples += 1;
        throw new Error("EMFILE");
      },
    },
  });
  await governor.start();
  await time.advance(5_000);
  governor.stop();
  assert.ok(samples > 5, `${samples} samples`);
});

test("a figure that cannot be read is left out, and the others are told", () => {
  const metrics = new Metrics();
  metrics.gauge({ name: "herd_broken", help: "Fails." }, () => {
    throw new Error("EMFILE");
  });
  metrics.counter({ name: "herd_whole_total", help: "Works." }).add(3);
  assert.doesNotMatch(metrics.text(), /herd_broken/);
  assert.match(metrics.text(), /^herd_whole_total 3$/m);
});
