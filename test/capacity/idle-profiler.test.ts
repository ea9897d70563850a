// When a node measures itself: only in a quiet moment, once a machine, and again when the profile is old or more
// workers may be used.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Capacity } from "../../src/capacity/capacity.js";
import { IdleProfiler } from "../../src/capacity/idle-profiler.js";
import { HerdError } from "../../src/core/errors.js";
import { MemoryFiles, type StateFiles } from "../../src/storage/state-files.js";
import { VirtualTime } from "../harness/virtual/virtual-time.js";
import { silent } from "../pki/audit/silent-log.js";
import { FakeRunner } from "./fake-runner.js";

const day = 24 * 3_600_000;

/** A node of two workers whose load a test sets; its profiles take no virtual time. */
class Machine {
  readonly time = new VirtualTime();
  readonly load = { slots: 2, running: 0, queued: 0, deploying: false };
  /** The share of their run time that workers get as CPU time. */
  share = 1;
  #cpuMs = 0;
  readonly reported: Capacity[] = [];
  readonly warnings: string[] = [];
  /** Profiles that began, by the number of workers; and the count of those that ended in any way. */
  readonly begun: number[] = [];
  released = 0;
  calls = 0;
  /** Called before each call of a kernel. */
  onCall: (() => void) | undefined;
  /** The time that a call holds its worker, in virtual ms. */
  callMs = 0;
  /** The factor by which calls take longer, from a number in [0, 1). */
  noise = (_random: number): number => 1;
  readonly own: IdleProfiler;

  constructor(context: TestContext, options: { files?: StateFiles; digest?: string } = {}) {
    const { files = new MemoryFiles(), digest = "kernels" } = options;
    const warn = (message: string): void => void this.warnings.push(message);
    this.own = new IdleProfiler({
      workers: 2,
      files,
      clock: this.time,
      timers: this.time,
      load: () => this.load,
      cpuMs: () => this.#cpuMs,
      random: () => 0.5,
      log: { ...silent, warn, error: warn },
      digest: async () => {
        if (digest === "") throw new Error("ENOENT");
        return digest;
      },
      kernels: async () => ({
        release: () => void this.released++,
        runner: (workers) => {
          this.begun.push(workers);
          const fake = new FakeRunner({ workers, noise: (random) => this.noise(random) });
          return {
            workers,
            run: async (kernel, calls) => {
              this.calls++;
              this.onCall?.();
              if (this.callMs > 0) await new Promise<void>((resolve) => this.time.after(this.callMs, resolve));
              this.#cpuMs += this.callMs * calls.workers * this.share;
              return fake.run(kernel, calls);
            },
          };
        },
      }),
    });
    this.own.watch((capacity) => this.reported.push(capacity));
    context.after(() => this.own.stop());
  }

  /** Starts it, and lets this much time pass. */
  async starts(ms: number): Promise<void> {
    this.own.start();
    await this.pass(ms);
  }

  /** Lets time pass in steps, so that work without a timer gets its turn. */
  async pass(ms: number): Promise<void> {
    const steps = Math.min(200, Math.ceil(ms / 50));
    for (let step = 0; step < steps; step++) {
      await this.time.advance(ms / steps);
      await turn();
    }
  }
}

test("a quiet node has its capacity after some seconds, and reports it once", async (t) => {
  const machine = new Machine(t);
  assert.equal(machine.reported.length, 0);
  await machine.starts(5_000);
  assert.deepEqual(machine.begun, [2]);
  assert.deepEqual([machine.reported.length, machine.reported[0]?.workers], [1, 2]);
  assert.equal(machine.own.current, machine.reported[0]);
  assert.equal(machine.released, 1);
  await machine.pass(day / 2);
  assert.deepEqual(machine.begun, [2]);
});

test("calls come first: no profile begins while they run, and one under way waits for their end", async (t) => {
  const machine = new Machine(t);
  machine.load.running = 1;
  await machine.starts(60_000);
  assert.deepEqual(machine.begun, []);
  machine.load.running = 0;
  machine.onCall = () => {
    if (machine.calls === 30) machine.load.queued = 1;
  };
  await machine.pass(10_000);
  assert.deepEqual([machine.begun, machine.calls, machine.reported.length], [[2], 30, 0]);
  machine.load.queued = 0;
  await machine.pass(5_000);
  assert.deepEqual([machine.begun, machine.reported.length], [[2], 1]);
});

test("deploys come first too", async (t) => {
  const machine = new Machine(t);
  machine.load.deploying = true;
  await machine.starts(60_000);
  assert.deepEqual(machine.begun, []);
  machine.load.deploying = false;
  machine.onCall = () => {
    if (machine.calls === 30) machine.load.deploying = true;
  };
  await machine.pass(10_000);
  assert.deepEqual([machine.begun, machine.calls, machine.reported.length], [[2], 30, 0]);
  machine.load.deploying = false;
  await machine.pass(5_000);
  assert.equal(machine.reported.length, 1);
});

test("while other programs use the cores, a profile mostly rests, ten seconds in all, and is still made", async (t) => {
  const took = async (share: number): Promise<{ ms: number; calls: number }> => {
    const machine = new Machine(t);
    machine.callMs = 30;
    machine.share = share;
    machine.own.start();
    let ms = 0;
    for (; machine.reported.length === 0 && ms < 60_000; ms++) {
      await machine.time.advance(1);
      await turn();
    }
    return { ms, calls: machine.calls };
  };
  const quiet = await took(1);
  const shared = await took(0.5);
  assert.equal(shared.calls, quiet.calls);
  const restMs = shared.ms - quiet.ms;
  assert.ok(restMs >= 10_000 && restMs <= 10_600, `${restMs} ms`);
  // The missing time of one unlucky call is no contention.
  assert.equal((await took(0.8)).ms, quiet.ms);
});

test("a restart reads the stored profile, unless the kernels changed", async (t) => {
  const files = new MemoryFiles();
  const first = new Machine(t, { files });
  await first.starts(5_000);
  const again = new Machine(t, { files });
  await again.starts(100);
  assert.deepEqual(again.own.current, first.own.current);
  await again.pass(60_000);
  assert.deepEqual(again.begun, []);
  const rebuilt = new Machine(t, { files, digest: "others" });
  await rebuilt.starts(100);
  assert.equal(rebuilt.own.current, undefined);
  await rebuilt.pass(5_000);
  assert.deepEqual(rebuilt.begun, [2]);
});

test("a damaged file counts as none", async (t) => {
  const files = new MemoryFiles();
  await files.write("profile", "{");
  const machine = new Machine(t, { files });
  await machine.starts(5_000);
  assert.equal(machine.reported.length, 1);
});

test("a profile of yesterday is made again in a quiet moment, and the change is reported", async (t) => {
  const files = new MemoryFiles();
  const machine = new Machine(t, { files });
  await machine.starts(5_000);
  machine.load.running = 1;
  await machine.pass(day + 120_000);
  assert.equal(machine.reported.length, 1);
  machine.load.running = 0;
  await machine.pass(120_000);
  assert.equal(machine.reported.length, 2);
});

test("a profile of a busy machine counts for seconds, and never replaces one of a quiet moment", async (t) => {
  const files = new MemoryFiles();
  const machine = new Machine(t, { files });
  machine.noise = (random) => 4 + 20 * random;
  await machine.starts(5_000);
  const [busy] = machine.reported;
  assert.equal(await files.read("profile"), undefined, "it is not kept for the next start");
  machine.noise = () => 1;
  await machine.pass(30_000);
  const [, quiet] = machine.reported;
  assert.ok(
    busy !== undefined && quiet !== undefined && quiet.overall > 4 * busy.overall,
    `${busy?.overall} busy, ${quiet?.overall} quiet`,
  );
  machine.noise = (random) => 4 + 20 * random;
  await machine.pass(day);
  await machine.pass(90_000);
  assert.ok(machine.begun.length >= 3, "it is a day old");
  assert.equal(machine.reported.length, 2);
  assert.equal(machine.own.current, quiet);
  machine.noise = () => 1;
  await machine.pass(10 * 60_000);
  assert.equal(machine.reported.length, 3);
});

test("a profile of a starved machine is dropped, and a right one made in the first quiet minute", async (t) => {
  const files = new MemoryFiles();
  const machine = new Machine(t, { files });
  // All calls alike take fifty times as long: the interval of the median is as narrow as a slow machine's.
  machine.callMs = 2;
  machine.share = 0.02;
  machine.noise = () => 50;
  await machine.starts(20_000);
  assert.equal(machine.begun.length, 1);
  assert.deepEqual(
    [machine.reported.length, machine.own.current, await files.read("profile")],
    [0, undefined, undefined],
  );
  await machine.pass(40_000);
  assert.equal(machine.begun.length, 2);
  await machine.pass(3_600_000);
  assert.ok(machine.begun.length <= 62, `${machine.begun.length} tries in an hour`);
  assert.equal(machine.reported.length, 0);
  machine.share = 1;
  machine.noise = () => 1;
  await machine.pass(70_000);
  const [first] = machine.reported;
  assert.ok(first !== undefined && first.overall > 1_900, `${first?.overall}`);
});

test("without workers nothing is measured; more workers than measured are measured again, fewer are not", async (t) => {
  const machine = new Machine(t);
  machine.load.slots = 0;
  await machine.starts(120_000);
  assert.deepEqual(machine.begun, []);
  machine.load.slots = 1;
  await machine.pass(120_000);
  assert.equal(machine.own.current?.workers, 1);
  machine.load.slots = 2;
  await machine.pass(120_000);
  assert.equal(machine.own.current?.workers, 2);
  machine.load.slots = 1;
  await machine.pass(120_000);
  assert.deepEqual(machine.begun, [1, 2]);
});

test("a profile that loses its workers, or is preempted, is given up without a log line and tried again", async (t) => {
  const machine = new Machine(t);
  machine.onCall = () => {
    if (machine.calls === 20) machine.load.slots = 1;
  };
  await machine.starts(5_000);
  assert.deepEqual([machine.begun, machine.calls, machine.released, machine.reported.length], [[2], 20, 1, 0]);
  machine.load.slots = 2;
  machine.onCall = () => {
    if (machine.calls === 40) throw new HerdError("node.overloaded", "preempted");
  };
  await machine.pass(120_000);
  await machine.pass(120_000);
  assert.equal(machine.reported.length, 1);
  assert.deepEqual(machine.warnings, []);
});

test("a machine on which a kernel hardly runs is tried again after a minute", async (t) => {
  const machine = new Machine(t);
  machine.callMs = 6_000;
  await machine.starts(60_000);
  assert.deepEqual([machine.begun.length, machine.calls, machine.reported.length], [1, 6, 0]);
  machine.callMs = 0;
  await machine.pass(120_000);
  await machine.pass(60_000);
  assert.deepEqual([machine.begun.length, machine.reported.length, machine.warnings.length], [2, 1, 0]);
});

test("a node without kernels logs that once and has no capacity", async (t) => {
  const machine = new Machine(t, { digest: "" });
  await machine.starts(300_000);
  assert.equal(machine.own.current, undefined);
  assert.equal(machine.warnings.length, 1);
});

test("a node that stops during a profile, or while waiting for one, ends at once", async (t) => {
  const machine = new Machine(t);
  machine.onCall = () => {
    if (machine.calls === 20) machine.load.running = 1;
  };
  await machine.starts(5_000);
  assert.equal(machine.calls, 20);
  await machine.own.stop();
  await machine.own.stop();
  assert.deepEqual([machine.reported.length, machine.warnings], [0, []]);
  const idle = new Machine(t);
  idle.own.start();
  await idle.own.stop();
  assert.deepEqual(idle.begun, []);
});
