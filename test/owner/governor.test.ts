// The governor in virtual time: how soon it reacts, which changes it reports, and what it stores.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Logger } from "../../src/core/log.js";
import { defaultOwnerPolicy, type OwnerPolicy } from "../../src/core/owner-policy.js";
import { Governor } from "../../src/owner/governor.js";
import { openPolicyStore } from "../../src/owner/policy-store.js";
import { noSignals, type SignalSource, type Signals } from "../../src/owner/signals.js";
import { MemoryFiles } from "../../src/storage/state-files.js";
import { VirtualTime } from "../harness/virtual/virtual-time.js";

const warnings: string[] = [];
const ignore = (): void => undefined;
const log: Logger = { trace: ignore, debug: ignore, info: ignore, warn: (text) => warnings.push(text), error: ignore };

/** A machine whose signals a test sets. */
class FakeMachine implements SignalSource {
  signals: Signals = { ...noSignals, ownerActive: false };
  /** While set, a sample takes until this resolves. */
  stuck: Promise<void> | undefined;
  looks: boolean[] = [];

  async read({ presence }: { readonly presence: boolean }): Promise<Signals> {
    this.looks.push(presence);
    await this.stuck;
    return this.signals;
  }
}

async function governedNode(
  options: { files?: MemoryFiles; time?: VirtualTime; defaults?: Partial<OwnerPolicy> } = {},
) {
  const { files = new MemoryFiles(), time = new VirtualTime() } = options;
  const machine = new FakeMachine();
  const peers = { alone: false };
  const governor = new Governor({
    defaults: { ...defaultOwnerPolicy, ...options.defaults },
    store: await openPolicyStore(files, log),
    signals: machine,
    workers: 4,
    cores: 8,
    clock: time,
    timers: time,
    alone: () => peers.alone,
  });
  const changes: string[] = [];
  governor.watch(({ state, slots }, before) => changes.push(`${before.state} ${before.slots} > ${state} ${slots}`));
  return { governor, machine, peers, changes, time, files };
}

test("no signal is sampled before the start, and none after the stop", async () => {
  const { governor, machine, changes, time } = await governedNode();
  assert.equal(governor.current.state, "active");
  await time.advance(5_000);
  assert.equal(machine.looks.length, 0);
  await Promise.all([governor.start(), governor.start()]);
  assert.deepEqual(changes, ["active 2 > idle 4"]);
  await time.advance(10_000);
  assert.equal(machine.looks.length, 21);
  governor.stop();
  governor.stop();
  await time.advance(10_000);
  assert.equal(machine.looks.length, 21);
  await governor.start();
  assert.equal(machine.looks.length, 22);
  governor.stop();
});

test("slots are 0 within a second of unplugging, and back within a second of plugging in, at any moment", async () => {
  for (let offset = 0; offset < 500; offset += 50) {
    const { governor, machine, time } = await governedNode();
    await governor.start();
    await time.advance(2_000 + offset);
    machine.signals = { ...machine.signals, onBattery: true };
    const gone = await time.until(() => governor.current.slots === 0, { ms: 5_000, what: "unplugged" });
    machine.signals = { ...machine.signals, onBattery: false };
    const back = await time.until(() => governor.current.slots === 4, { ms: 5_000, what: "plugged in" });
    assert.ok(gone < 1_000 && back < 1_000, `${gone} ms, ${back} ms`);
    governor.stop();
  }
});

test("a sensor that does not answer delays neither the start for long nor a pause", async () => {
  const { governor, machine, changes, time } = await governedNode();
  machine.stuck = new Promise(() => undefined);
  const started = governor.start();
  await time.advance(1_000);
  await started;
  await time.advance(10_000);
  assert.equal(machine.looks.length, 1);
  await governor.update({ pausedUntil: time.now() + 60_000 });
  assert.deepEqual(changes, ["active 2 > paused 0"]);
  await time.advance(61_000);
  assert.equal(governor.current.state, "active");
  governor.stop();
});

test("while a sample hangs, an owner who was away counts as there", async () => {
  const { governor, machine, time } = await governedNode();
  await governor.start();
  assert.equal(governor.current.state, "idle");
  let answer: () => void = ignore;
  machine.stuck = new Promise((resolve) => {
    answer = resolve;
  });
  await time.advance(7_000);
  assert.equal(governor.current.state, "active");
  machine.stuck = undefined;
  answer();
  await time.advance(1_000);
  assert.equal(governor.current.state, "idle");
  governor.stop();
});

test("a sample that began before the stop is not used after it", async () => {
  const { governor, machine, changes, time } = await governedNode();
  let answer: () => void = ignore;
  machine.stuck = new Promise((resolve) => {
    answer = resolve;
  });
  const started = governor.start();
  governor.stop();
  answer();
  await time.advance(2_000);
  await started;
  assert.deepEqual(changes, []);
});

test("a pause ends by itself within a second of its time, or by a resume", async () => {
  const { governor, changes, time } = await governedNode();
  await governor.start();
  await governor.update({ pausedUntil: time.now() + 600_000 });
  assert.equal(governor.current.slots, 0);
  await time.advance(599_000);
  assert.equal(governor.current.state, "paused");
  const late = await time.until(() => governor.current.state === "idle", { ms: 5_000, what: "the end of the pause" });
  assert.ok(late <= 2_000, `${late} ms`);
  await governor.update({ pausedUntil: Number.POSITIVE_INFINITY });
  await time.advance(200_000);
  assert.equal(governor.current.state, "paused");
  await governor.resume();
  assert.equal(governor.current.state, "idle");
  assert.equal(governor.pausedUntil, undefined);
  assert.equal(changes.length, 5);
  governor.stop();
});

test("a node without live peers has all its workers at once, unless it is paused", async () => {
  const { governor, peers } = await governedNode();
  peers.alone = true;
  governor.check();
  assert.deepEqual(governor.current, {
    state: "active",
    slots: 4,
    idleClass: false,
    lightUnits: Number.POSITIVE_INFINITY,
  });
  await governor.update({ pausedUntil: Number.POSITIVE_INFINITY });
  assert.equal(governor.current.slots, 0);
  peers.alone = false;
  await governor.resume();
  assert.equal(governor.current.slots, 2);
});

test("changed settings hold at once, null restores the node's own value, and other settings stay", async () => {
  const { governor, machine, time } = await governedNode({ defaults: { maxCelsius: 70 } });
  await governor.start();
  const later = String((new Date(time.now()).getHours() + 2) % 24).padStart(2, "0");
  await governor.update({ maxCelsius: 90, hours: `${later}:00-${later}:30`, owner: "none" });
  assert.equal(governor.current.state, "hours");
  await governor.update({ hours: null });
  assert.equal(governor.current.state, "none");
  assert.deepEqual(governor.policy, { ...defaultOwnerPolicy, maxCelsius: 90, owner: "none" });
  await governor.update({ maxCelsius: null, owner: null });
  assert.deepEqual(governor.policy, { ...defaultOwnerPolicy, maxCelsius: 70 });
  // On nobody's machine presence is not sampled.
  assert.deepEqual([...new Set(machine.looks)], [true]);
  governor.stop();
});

test("settings and a pause outlast a restart; a pause that ended meanwhile does not", async () => {
  const { governor, files, time } = await governedNode();
  await governor.update({ activeShare: 0.5, pausedUntil: time.now() + 10_000 });
  const second = await governedNode({ files, time });
  assert.equal(second.governor.current.state, "paused");
  assert.equal(second.governor.policy.activeShare, 0.5);
  await time.advance(20_000);
  const third = await governedNode({ files, time });
  assert.equal(third.governor.current.state, "active");
  assert.equal(third.governor.current.slots, 4);
  await third.governor.update({ pausedUntil: Number.POSITIVE_INFINITY });
  const fourth = await governedNode({ files, time });
  assert.equal(fourth.governor.pausedUntil, Number.POSITIVE_INFINITY);
});

test("a change that cannot be stored rejects; a file that cannot be read counts as none and is logged", async () => {
  class FullDisk extends MemoryFiles {
    override write(): Promise<void> {
      return Promise.reject(new Error("no space left"));
    }
  }
  const { governor } = await governedNode({ files: new FullDisk() });
  await assert.rejects(governor.update({ pausedUntil: Number.POSITIVE_INFINITY }), /no space left/);
  assert.equal(governor.current.state, "paused");
  for (const text of [
    "",
    "{",
    "null",
    "[]",
    "\0\xff",
    '{"set":[],"pausedUntil":null}',
    '{"set":{"activeShare":9},"pausedUntil":null}',
  ]) {
    const files = new MemoryFiles();
    await files.write("policy", text);
    warnings.length = 0;
    const { governor } = await governedNode({ files });
    assert.deepEqual(governor.policy, defaultOwnerPolicy, text);
    assert.equal(warnings.length, 1);
  }
});

test("of a damaged file, or one of a newer version, all readable settings hold, and a pause above all", async () => {
  const forever = Number.POSITIVE_INFINITY;
  const table: readonly (readonly [string, Partial<OwnerPolicy>, number | undefined])[] = [
    ['{"set":{"battery":"allow","moonPhase":"new"},"pausedUntil":"forever","more":1}', { battery: "allow" }, forever],
    ['{"set":{"activeShare":1e999,"maxCelsius":60,"hours":7},"pausedUntil":null}', { maxCelsius: 60 }, undefined],
    ['{"set":{"__proto__":{"owner":"none"},"constructor":1},"pausedUntil":null}', {}, undefined],
    ['{"set":{},"pausedUntil":"later"}', {}, forever],
    ['{"set":{},"pausedUntil":-1}', {}, forever],
  ];
  for (const [text, set, pausedUntil] of table) {
    const files = new MemoryFiles();
    await files.write("policy", text);
    const { governor } = await governedNode({ files });
    assert.deepEqual(governor.policy, { ...defaultOwnerPolicy, ...set }, text);
    assert.equal(governor.pausedUntil, pausedUntil, text);
    await governor.resume();
    assert.equal(governor.pausedUntil, undefined);
  }
});
