// Decides the allowance from the owner's policy and the machine's signals: pure, and all of the arithmetic.

import { hoursOf, type OwnerPolicy } from "../core/owner-policy.js";
import type { Allowance, OwnerState } from "./allowance.js";
import type { Signals } from "./signals.js";

/** What the allowance is decided from. */
export interface AllowanceInput {
  readonly policy: OwnerPolicy;
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

/** What a decision leaves for the next one: hysteresis, and the limit of workers under other programs' load. */
export interface DecisionState {
  /** Whether the machine counts as too hot, and the node as holding too much memory. */
  readonly hot: boolean;
  readonly swollen: boolean;
  /** Workers that other programs leave; infinite while they leave all. */
  readonly limit: number;
  /** When `limit` last changed, or was last held down; monotonic milliseconds. */
  readonly limitAt: number;
  /** The last sample of other programs' CPU use that was counted. */
  readonly sample: number;
}

/** The state before the first decision. */
export const initialState: DecisionState = {
  hot: false,
  swollen: false,
  limit: Number.POSITIVE_INFINITY,
  limitAt: 0,
  sample: 0,
};

/**
 * Guests that stopped for heat start again this many degrees below `maxCelsius`: less makes them swing with the heat.
 */
const hysteresisCelsius = 5;
/** Guests that stopped for memory start again below this share of what `memoryShare` allows. */
const hysteresisMemory = 0.9;

/**
 * The allowance now, and the state for the next decision. The first reason that holds decides: pause, battery, heat,
 * hours, memory, then the owner's presence.
 *
 * A node that is alone serves its own clients with all workers, since their calls could run nowhere else; only a pause
 * stops that. While the owner is away the workers run in the normal scheduling class: a thread cannot leave the idle
 * class and would have to be replaced. The node then gives way to other programs by the number of its workers.
 */
export function decideAllowance(
  input: AllowanceInput,
  before: DecisionState,
): { readonly allowance: Allowance; readonly state: DecisionState } {
  const { policy, workers, paused, alone } = input;
  const body = hysteresis(input, before);
  const ownerState = ownerStateOf(input, body);
  const most = mostWorkers(ownerState, input);
  const next = { ...body, ...limitOf(input, { before, most }) };
  const { lightUnits } = policy;
  const unbounded = { state: ownerState, idleClass: false, lightUnits: Number.POSITIVE_INFINITY };
  if (ownerState === "none" || (alone && !paused)) {
    return { allowance: { ...unbounded, slots: workers }, state: next };
  }
  const slots = Math.min(most, next.limit);
  if (ownerState === "idle") return { allowance: { ...unbounded, slots }, state: next };
  const bounded = { state: ownerState, idleClass: true, lightUnits };
  return { allowance: { ...bounded, slots: ownerState === "active" ? slots : 0 }, state: next };
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

/**
 * Workers that the owner leaves, other programs aside: `floor(activeShare × cores)` while the owner is there, all cores
 * but one otherwise; at least one, at most all workers.
 */
function mostWorkers(state: OwnerState, { policy, workers, cores }: AllowanceInput): number {
  const share = state === "active" ? Math.floor(policy.activeShare * cores) : cores - 1;
  return state === "none" ? workers : Math.max(1, Math.min(workers, share));
}

function ownerStateOf(
  { policy, signals, paused, minuteOfDay }: AllowanceInput,
  { hot, swollen }: Pick<DecisionState, "hot" | "swollen">,
): OwnerState {
  if (paused) return "paused";
  if (signals.onBattery === true && policy.battery === "stop") return "battery";
  if (hot) return "hot";
  if (!isWithin(policy.hours, minuteOfDay)) return "hours";
  if (swollen) return "memory";
  if (isNobodys({ policy, signals })) return "none";
  const { ownerActive, ownerIdleMs = Number.POSITIVE_INFINITY } = signals;
  return ownerActive === false && ownerIdleMs >= policy.idleAfterMs ? "idle" : "active";
}

/** Whether the machine is nobody's workstation: by its policy, or because nobody could sit at it. */
function isNobodys({ policy, signals }: Pick<AllowanceInput, "policy" | "signals">): boolean {
  return policy.owner === "none" || signals.headless === true;
}

function isWithin(hours: string, minute: number): boolean {
  const span = hoursOf(hours);
  if (span === undefined) return true;
  const { from, to } = span;
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

/** Heat and memory, each with a hysteresis: the bound to start again is below the bound to stop. */
function hysteresis(
  { policy, signals }: AllowanceInput,
  before: DecisionState,
): Pick<DecisionState, "hot" | "swollen"> {
  const { celsius, rssBytes, totalBytes } = signals;
  const hotFrom = before.hot ? policy.maxCelsius - hysteresisCelsius : policy.maxCelsius;
  const share = policy.memoryShare * (before.swollen ? hysteresisMemory : 1);
  return {
    hot: celsius !== undefined && celsius >= hotFrom,
    swollen: rssBytes !== undefined && totalBytes !== undefined && rssBytes > totalBytes * share,
  };
}

/**
 * The limit of workers under other programs' CPU use, by additive increase and multiplicative decrease (AIMD, as TCP's
 * congestion window): halved at each sample above `foreignCpu`, one more after each `recoverMs` below it.
 */
function limitOf(
  { policy, signals, workers, now }: AllowanceInput,
  { before, most }: { readonly before: DecisionState; readonly most: number },
): Pick<DecisionState, "limit" | "limitAt" | "sample"> {
  const { foreignCpu, foreignSample: sample } = signals;
  const { limit, limitAt } = before;
  const free = { limit: Number.POSITIVE_INFINITY, limitAt: now, sample };
  if (isNobodys({ policy, signals }) || foreignCpu === undefined) return free;
  if (foreignCpu > policy.foreignCpu) {
    const halved = Math.max(1, Math.floor(Math.min(most, limit) / 2));
    return { limit: sample === before.sample ? limit : halved, limitAt: now, sample };
  }
  if (now - limitAt < policy.recoverMs) return { limit, limitAt, sample };
  return limit + 1 < workers ? { limit: limit + 1, limitAt: now, sample } : free;
}
