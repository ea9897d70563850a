// The allowance that follows from a policy and signals: order of reasons, hours, hysteresis, and other programs' load.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultOwnerPolicy, hoursOf, type OwnerPolicy } from "../../src/core/owner-policy.js";
import type { Allowance } from "../../src/owner/allowance.js";
import {
  type AllowanceInput,
  type DecisionState,
  decideAllowance,
  initialState,
} from "../../src/owner/decide-allowance.js";
import { noSignals, type Signals } from "../../src/owner/signals.js";

interface Case {
  readonly signals?: Partial<Signals>;
  readonly policy?: Partial<OwnerPolicy>;
  readonly around?: Partial<AllowanceInput>;
}

const gibibyte = 1024 ** 3;

function input({ signals, policy, around }: Case): AllowanceInput {
  return {
    policy: { ...defaultOwnerPolicy, ...policy },
    signals: { ...noSignals, ...signals },
    workers: 7,
    cores: 8,
    now: 0,
    minuteOfDay: 12 * 60,
    paused: false,
    alone: false,
    ...around,
  };
}

/** State, slots, scheduling class and heaviest call, as text. */
function outcome({ state, slots, idleClass, lightUnits }: Allowance): string {
  return `${state} ${slots} ${idleClass ? "idle" : "normal"} ${lightUnits}`;
}

test("the first reason that holds decides the allowance: pause, battery, heat, hours, memory, presence", () => {
  const away = { ownerActive: false } as const;
  const table: readonly (readonly [string, Case])[] = [
    ["active 2 idle 50", {}],
    ["active 2 idle 50", { signals: { ownerActive: true } }],
    ["active 1 idle 50", { around: { cores: 2, workers: 2 } }],
    ["active 4 idle 9", { policy: { activeShare: 0.5, lightUnits: 9 } }],
    ["active 3 idle 50", { policy: { activeShare: 1 }, around: { workers: 3 } }],
    ["active 1 idle 50", { policy: { activeShare: 0 } }],
    ["idle 7 normal Infinity", { signals: away }],
    ["idle 7 normal Infinity", { signals: { ...away, ownerIdleMs: 120_000 } }],
    ["active 2 idle 50", { signals: { ...away, ownerIdleMs: 119_999 } }],
    ["idle 7 normal Infinity", { signals: away, around: { workers: 16 } }],
    ["idle 1 normal Infinity", { signals: away, around: { workers: 2, cores: 1 } }],
    ["none 7 normal Infinity", { policy: { owner: "none" }, signals: { ownerActive: true, foreignCpu: 1 } }],
    ["none 16 normal Infinity", { policy: { owner: "none" }, around: { workers: 16 } }],
    ["none 7 normal Infinity", { signals: { headless: true, foreignCpu: 1 } }],
    ["active 2 idle 50", { signals: { headless: false } }],
    ["battery 0 idle 50", { signals: { headless: true, onBattery: true } }],
    ["battery 0 idle 50", { signals: { ...away, onBattery: true } }],
    ["battery 0 idle 50", { policy: { owner: "none" }, signals: { onBattery: true } }],
    ["idle 7 normal Infinity", { policy: { battery: "allow" }, signals: { ...away, onBattery: true } }],
    ["active 2 idle 50", { signals: { onBattery: false } }],
    ["hot 0 idle 50", { signals: { ...away, celsius: 85 } }],
    ["idle 7 normal Infinity", { signals: { ...away, celsius: 84.9 } }],
    ["battery 0 idle 50", { signals: { onBattery: true, celsius: 99 } }],
    ["hours 0 idle 50", { policy: { hours: "18:00-08:00" }, signals: away }],
    ["hot 0 idle 50", { policy: { hours: "18:00-08:00" }, signals: { celsius: 90 } }],
    ["idle 7 normal Infinity", { policy: { hours: "12:00-13:00" }, signals: away }],
    ["memory 0 idle 50", { signals: { ...away, rssBytes: 3 * gibibyte, totalBytes: 8 * gibibyte } }],
    ["idle 7 normal Infinity", { signals: { ...away, rssBytes: 2 * gibibyte, totalBytes: 8 * gibibyte } }],
    ["paused 0 idle 50", { around: { paused: true }, signals: { ...away, onBattery: true } }],
    ["paused 0 idle 50", { around: { paused: true, alone: true } }],
    ["active 7 normal Infinity", { around: { alone: true } }],
    ["battery 7 normal Infinity", { around: { alone: true }, signals: { onBattery: true } }],
  ];
  for (const [expected, given] of table) {
    assert.equal(outcome(decideAllowance(input(given), initialState).allowance), expected, JSON.stringify(given));
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
    const { allowance } = decideAllowance(input({ policy: { hours }, around: { minuteOfDay } }), initialState);
    assert.equal(allowance.state !== "hours", open, `${hours} at ${minuteOfDay}`);
  }
  for (const none of ["", "24:00-08:00", "18:60-08:00", "8:00-9:00", "08:00-08:00", "18:00-08:00 "]) {
    assert.equal(hoursOf(none), undefined, none);
  }
});

/** Decisions in a row, each on the state that the one before left. */
class Decisions {
  state: DecisionState = initialState;

  at(now: number, signals: Partial<Signals>, policy?: Partial<OwnerPolicy>): Allowance {
    const given = { signals, around: { now }, ...(policy === undefined ? {} : { policy }) };
    const { allowance, state } = decideAllowance(input(given), this.state);
    this.state = state;
    return allowance;
  }
}

test("a machine that was too hot cools by 5 degrees before guests run again", () => {
  const decisions = new Decisions();
  const states = [84, 85, 84, 80, 79.9, 84].map((celsius, now) => decisions.at(now, { celsius }).state);
  assert.deepEqual(states, ["active", "hot", "hot", "hot", "active", "active"]);
  assert.equal(decisions.at(10, { celsius: 90 }).state, "hot");
  assert.equal(decisions.at(11, { celsius: undefined }).state, "active");
});

test("a node that held too much memory frees a tenth of the bound before guests run again", () => {
  const decisions = new Decisions();
  const states = [250, 251, 226, 225, 250].map(
    (rssBytes, now) => decisions.at(now, { rssBytes, totalBytes: 1_000 }).state,
  );
  assert.deepEqual(states, ["active", "memory", "memory", "active", "active"]);
});

test("other programs' load halves the workers at each sample; one comes back after each calm ten seconds", () => {
  const decisions = new Decisions();
  const away = { ownerActive: false, ownerIdleMs: 1e9 } as const;
  let sample = 0;
  const slots = (now: number, foreignCpu: number, fresh = true): number => {
    if (fresh) sample += 1;
    return decisions.at(now, { ...away, foreignCpu, foreignSample: sample }).slots;
  };
  assert.equal(slots(0, 0.3), 7);
  assert.equal(slots(1_000, 0.31), 3);
  // Decisions are made twice a second, and CPU use is sampled once a second.
  assert.equal(slots(1_500, 0.31, false), 3);
  assert.equal(slots(2_000, 0.9), 1);
  assert.equal(slots(3_000, 0.9), 1);
  assert.equal(slots(12_999, 0.1), 1);
  assert.equal(slots(13_000, 0.1), 2);
  assert.equal(slots(13_500, 0.1), 2);
  assert.equal(slots(23_000, 0.1), 3);
  // The calm counts from the last sample above the bound.
  assert.equal(slots(30_000, 0.5), 1);
  assert.deepEqual(
    [40_000, 50_000, 60_000, 70_000, 80_000, 90_000, 100_000].map((now) => slots(now, 0)),
    [2, 3, 4, 5, 6, 7, 7],
  );
  assert.equal(decisions.state.limit, Number.POSITIVE_INFINITY);
});

test("other programs' load also halves the workers that an active owner leaves, down to one", () => {
  const decisions = new Decisions();
  const loaded = { ownerActive: true, foreignCpu: 0.8 } as const;
  assert.equal(decisions.at(0, { ...loaded, foreignSample: 1 }).slots, 1);
  assert.equal(decisions.at(500, { ...loaded, foreignSample: 2 }).slots, 1);
  // Nobody's machine gives way to no other program.
  assert.equal(decisions.at(1_000, { ...loaded, foreignSample: 3 }, { owner: "none" }).slots, 7);
  assert.equal(decisions.state.limit, Number.POSITIVE_INFINITY);
});
