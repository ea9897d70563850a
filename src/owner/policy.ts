// What guests may use, from the owner's settings and what is seen of the machine: pure, and all of the arithmetic.

import { hoursOf, type PolicySettings } from "../core/policy-settings.js";
import type { Allowance, OwnerState } from "./allowance.js";
import type { Signals } from "./signals.js";

/** What is decided from. */
export interface PolicyInput {
  readonly settings: PolicySettings;
  readonly signals: Signals;
  /** Workers that the node has, and cores of the machine. */
  readonly workers: number;
  readonly cores: number;
  /** Monotonic milliseconds, and the minute of the local day. */
  readonly now: number;
  readonly minuteOfDay: number;
  /** Whether the owner paused the node. */
  readonly paused: boolean;
  /** Whether no peer lives that a call could go to. */
  readonly alone: boolean;
}

/** What a decision leaves for the next one. */
export interface PolicyMemory {
  readonly hot: boolean;
  readonly swollen: boolean;
  /** Workers that other programs leave; infinite while they leave all. */
  readonly limit: number;
  /** When `limit` last changed, or was last held down; monotonic milliseconds. */
  readonly limitAt: number;
  /** The last sample of others' use that was counted. */
  readonly sample: number;
}

/** The memory before the first decision. */
export const freshMemory: PolicyMemory = {
  hot: false,
  swollen: false,
  limit: Number.POSITIVE_INFINITY,
  limitAt: 0,
  sample: 0,
};

const hysteresisCelsius = 5;
const hysteresisMemory = 0.9;

/**
 * The allowance now. Paused comes before battery, hot, hours, memory, and then the owner. A node that is alone serves its own
 * clients with all it has, since its guests are nobody else's and could run nowhere else; only a pause stops that. While the owner
 * is away the workers are in the normal class: threads that left the idle class had to be replaced, and other programs are given
 * way to by number.
 */
export function decide(
  input: PolicyInput,
  memory: PolicyMemory,
): { readonly allowance: Allowance; readonly memory: PolicyMemory } {
  const { settings, workers, paused, alone } = input;
  const body = bodily(input, memory);
  const state = stateOf(input, body);
  const most = mostWorkers(state, input);
  const next = { ...body, ...foreign(input, { memory, most }) };
  const { lightUnits } = settings;
  const unbounded = { state, idleClass: false, lightUnits: Number.POSITIVE_INFINITY };
  if (state === "none" || (alone && !paused)) return { allowance: { ...unbounded, slots: workers }, memory: next };
  const slots = Math.min(most, next.limit);
  if (state === "idle") return { allowance: { ...unbounded, slots }, memory: next };
  if (state === "active") return { allowance: { state, slots, idleClass: true, lightUnits }, memory: next };
  return { allowance: { state, slots: 0, idleClass: true, lightUnits }, memory: next };
}

/** Whether both allow the same, for the same reason. */
export function isSame(one: Allowance, other: Allowance): boolean {
  return (
    one.state === other.state &&
    one.slots === other.slots &&
    one.idleClass === other.idleClass &&
    one.lightUnits === other.lightUnits
  );
}

/** Workers that the owner leaves, other programs aside. */
function mostWorkers(state: OwnerState, { settings, workers, cores }: PolicyInput): number {
  const share = state === "active" ? Math.floor(settings.activeShare * cores) : cores - 1;
  return state === "none" ? workers : Math.max(1, Math.min(workers, share));
}

function stateOf(
  { settings, signals, paused, minuteOfDay }: PolicyInput,
  { hot, swollen }: Pick<PolicyMemory, "hot" | "swollen">,
): OwnerState {
  if (paused) return "paused";
  if (signals.onBattery === true && settings.battery === "stop") return "battery";
  if (hot) return "hot";
  if (!isWithin(settings.hours, minuteOfDay)) return "hours";
  if (swollen) return "memory";
  if (isNobodys({ settings, signals })) return "none";
  const { ownerActive, ownerIdleMs = Number.POSITIVE_INFINITY } = signals;
  return ownerActive === false && ownerIdleMs >= settings.idleAfterMs ? "idle" : "active";
}

/** Nobody's machine: its settings say so, or nobody could sit at it. */
function isNobodys({ settings, signals }: Pick<PolicyInput, "settings" | "signals">): boolean {
  return settings.owner === "none" || signals.headless === true;
}

function isWithin(hours: string, minute: number): boolean {
  const span = hoursOf(hours);
  if (span === undefined) return true;
  const { from, to } = span;
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

function bodily({ settings, signals }: PolicyInput, memory: PolicyMemory): Pick<PolicyMemory, "hot" | "swollen"> {
  const { celsius, rssBytes, totalBytes } = signals;
  const coolBelow = memory.hot ? settings.maxCelsius - hysteresisCelsius : settings.maxCelsius;
  const share = settings.memoryShare * (memory.swollen ? hysteresisMemory : 1);
  return {
    hot: celsius !== undefined && celsius >= coolBelow,
    swollen: rssBytes !== undefined && totalBytes !== undefined && rssBytes > totalBytes * share,
  };
}

/** Others' use of the cores: halved at each sample above the bound, one more after each `recoverMs` below it. */
function foreign(
  { settings, signals, workers, now }: PolicyInput,
  { memory, most }: { readonly memory: PolicyMemory; readonly most: number },
): Pick<PolicyMemory, "limit" | "limitAt" | "sample"> {
  const { foreignCpu, foreignSample: sample } = signals;
  const { limit, limitAt } = memory;
  const free = { limit: Number.POSITIVE_INFINITY, limitAt: now, sample };
  if (isNobodys({ settings, signals }) || foreignCpu === undefined) return free;
  if (foreignCpu > settings.foreignCpu) {
    const halved = Math.max(1, Math.floor(Math.min(most, limit) / 2));
    return { limit: sample === memory.sample ? limit : halved, limitAt: now, sample };
  }
  if (now - limitAt < settings.recoverMs) return { limit, limitAt, sample };
  return limit + 1 < workers ? { limit: limit + 1, limitAt: now, sample } : free;
}
