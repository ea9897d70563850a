// The arithmetic of the owner's policy: what is seen and set, and what guests may use then.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultPolicy, hoursOf, type PolicySettings } from "../../src/core/policy-settings.js";
import type { Allowance } from "../../src/owner/allowance.js";
import { decide, freshMemory, type PolicyInput, type PolicyMemory } from "../../src/owner/policy.js";
import { noSignals, type Signals } from "../../src/owner/signals.js";

interface Case {
  readonly signals?: Partial<Signals>;
  readonly settings?: Partial<PolicySettings>;
  readonly around?: Partial<PolicyInput>;
}

const gibibyte = 1024 ** 3;

function input({ signals, settings, around }: Case): PolicyInput {
  return {
    settings: { ...defaultPolicy, ...settings },
    signals: { ...noSignals, ...signals },
    ...{ workers: 7, cores: 8, now: 0, minuteOfDay: 12 * 60, paused: false, alone: false },
    ...around,
  };
}

/** State, slots, whether the class is idle, and the bound of a call. */
function outcome({ state, slots, idleClass, lightUnits }: Allowance): string {
  return `${state} ${slots} ${idleClass ? "idle" : "normal"} ${lightUnits}`;
}

test("what is seen and set decides what guests may use, in this order", () => {
  const away = { ownerActive: false } as const;
  const table: readonly (readonly [string, Case])[] = [
    ["active 2 idle 50", {}],
    ["active 2 idle 50", { signals: { ownerActive: true } }],
    ["active 1 idle 50", { around: { cores: 2, workers: 2 } }],
    ["active 4 idle 9", { settings: { activeShare: 0.5, lightUnits: 9 } }],
    ["active 3 idle 50", { settings: { activeShare: 1 }, around: { workers: 3 } }],
    ["active 1 idle 50", { settings: { activeShare: 0 } }],
    ["idle 7 normal Infinity", { signals: away }],
    ["idle 7 normal Infinity", { signals: { ...away, ownerIdleMs: 120_000 } }],
    ["active 2 idle 50", { signals: { ...away, ownerIdleMs: 119_999 } }],
    ["idle 7 normal Infinity", { signals: away, around: { workers: 16 } }],
    ["idle 1 normal Infinity", { signals: away, around: { workers: 2, cores: 1 } }],
    ["none 7 normal Infinity", { settings: { owner: "none" }, signals: { ownerActive: true, foreignCpu: 1 } }],
    ["none 16 normal Infinity", { settings: { owner: "none" }, around: { workers: 16 } }],
    ["none 7 normal Infinity", { signals: { headless: true, foreignCpu: 1 } }],
    ["active 2 idle 50", { signals: { headless: false } }],
    ["battery 0 idle 50", { signals: { headless: true, onBattery: true } }],
    ["battery 0 idle 50", { signals: { ...away, onBattery: true } }],
    ["battery 0 idle 50", { settings: { owner: "none" }, signals: { onBattery: true } }],
    ["idle 7 normal Infinity", { settings: { battery: "allow" }, signals: { ...away, onBattery: true } }],
    ["active 2 idle 50", { signals: { onBattery: false } }],
    ["hot 0 idle 50", { signals: { ...away, celsius: 85 } }],
    ["idle 7 normal Infinity", { signals: { ...away, celsius: 84.9 } }],
    ["battery 0 idle 50", { signals: { onBattery: true, celsius: 99 } }],
    ["hours 0 idle 50", { settings: { hours: "18:00-08:00" }, signals: away }],
    ["hot 0 idle 50", { settings: { hours: "18:00-08:00" }, signals: { celsius: 90 } }],
    ["idle 7 normal Infinity", { settings: { hours: "12:00-13:00" }, signals: away }],
    ["memory 0 idle 50", { signals: { ...away, rssBytes: 3 * gibibyte, totalBytes: 8 * gibibyte } }],
    ["idle 7 normal Infinity", { signals: { ...away, rssBytes: 2 * gibibyte, totalBytes: 8 * gibibyte } }],
    ["paused 0 idle 50", { around: { paused: true }, signals: { ...away, onBattery: true } }],
    ["paused 0 idle 50", { around: { paused: true, alone: true } }],
    ["active 7 normal Infinity", { around: { alone: true } }],
    ["battery 7 normal Infinity", { around: { alone: true }, signals: { onBattery: true } }],
  ];
  for (const [expected, given] of table) {
    assert.equal(outcome(decide(input(given), freshMemory).allowance), expected, JSON.stringify(given));
  }
});

test("hours include their first minute and not their last, and may span midnight", () => {
  const table: readonly (readonly [string, number, boolean])[] = [
    ["09:00-17:30", 9 * 60, true],
    ["09:00-17:30", 9 * 60 - 1, false],
    ["09:00-17:30", 17 * 60 + 29, true],
    ["09:00-17:30", 17 * 60 + 30, false],
    ["18:00-08:00", 0, true],
    ["18:00-08:00", 18 * 60, true],
    ["18:00-08:00", 8 * 60, false],
    ["18:00-08:00", 17 * 60 + 59, false],
    ["always", 600, true],
  ];
  for (const [hours, minuteOfDay, open] of table) {
    const { allowance } = decide(input({ settings: { hours }, around: { minuteOfDay } }), freshMemory);
    assert.equal(allowance.state !== "hours", open, `${hours} at ${minuteOfDay}`);
  }
  for (const none of ["", "24:00-08:00", "18:60-08:00", "8:00-9:00", "08:00-08:00", "18:00-08:00 "]) {
    assert.equal(hoursOf(none), undefined, none);
  }
});

/** Decisions in a row, each on the memory of the one before. */
class Days {
  memory: PolicyMemory = freshMemory;

  at(now: number, signals: Partial<Signals>, settings?: Partial<PolicySettings>): Allowance {
    const given = { signals, around: { now }, ...(settings === undefined ? {} : { settings }) };
    const { allowance, memory } = decide(input(given), this.memory);
    this.memory = memory;
    return allowance;
  }
}

test("a machine that was too hot cools by 5 degrees before guests are back", () => {
  const days = new Days();
  const states = [84, 85, 84, 80, 79.9, 84].map((celsius, now) => days.at(now, { celsius }).state);
  assert.deepEqual(states, ["active", "hot", "hot", "hot", "active", "active"]);
  assert.equal(days.at(10, { celsius: 90 }).state, "hot");
  assert.equal(days.at(11, { celsius: undefined }).state, "active");
});

test("a node that held too much gives a tenth of it back before guests are back", () => {
  const days = new Days();
  const states = [250, 251, 226, 225, 250].map((rssBytes, now) => days.at(now, { rssBytes, totalBytes: 1_000 }).state);
  assert.deepEqual(states, ["active", "memory", "memory", "active", "active"]);
});

test("others' load halves the workers at each sample, and gives back one after each calm ten seconds", () => {
  const days = new Days();
  const away = { ownerActive: false, ownerIdleMs: 1e9 } as const;
  let sample = 0;
  const slots = (now: number, foreignCpu: number, fresh = true): number => {
    if (fresh) sample += 1;
    return days.at(now, { ...away, foreignCpu, foreignSample: sample }).slots;
  };
  assert.equal(slots(0, 0.3), 7);
  assert.equal(slots(1_000, 0.31), 3);
  // Twice a second is decided, once a second is measured.
  assert.equal(slots(1_500, 0.31, false), 3);
  assert.equal(slots(2_000, 0.9), 1);
  assert.equal(slots(3_000, 0.9), 1);
  assert.equal(slots(12_999, 0.1), 1);
  assert.equal(slots(13_000, 0.1), 2);
  assert.equal(slots(13_500, 0.1), 2);
  assert.equal(slots(23_000, 0.1), 3);
  // Calm is counted from the last sample above.
  assert.equal(slots(30_000, 0.5), 1);
  assert.deepEqual(
    [40_000, 50_000, 60_000, 70_000, 80_000, 90_000, 100_000].map((now) => slots(now, 0)),
    [2, 3, 4, 5, 6, 7, 7],
  );
  assert.equal(days.memory.limit, Number.POSITIVE_INFINITY);
});

test("others' load halves what an active owner leaves too, down to one worker", () => {
  const days = new Days();
  const loaded = { ownerActive: true, foreignCpu: 0.8 } as const;
  assert.equal(days.at(0, { ...loaded, foreignSample: 1 }).slots, 1);
  assert.equal(days.at(500, { ...loaded, foreignSample: 2 }).slots, 1);
  // A machine that is nobody's is not looked at.
  assert.equal(days.at(1_000, { ...loaded, foreignSample: 3 }, { owner: "none" }).slots, 7);
  assert.equal(days.memory.limit, Number.POSITIVE_INFINITY);
});
