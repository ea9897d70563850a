// Scenarios: machines with their owners and faults, the network between them, and the calls that arrive.

import type { Random } from "../../src/core/timers.js";
import { seeded } from "../../test/harness/virtual/virtual-time.js";
import { type Draw, exponential, logNormal, pareto, paretoMean, shuffled, weighted, zipf } from "./draws.js";

/** A function of the mix. */
export interface FunctionModel {
  readonly name: string;
  /** Its share of the calls. */
  readonly share: number;
  /** Mean work units of a call. */
  readonly meanUnits: number;
  readonly units: Draw;
}

/** An owner's allowance from a moment on. */
interface OwnerChange {
  readonly atMs: number;
  readonly slots: number;
  readonly lightUnits: number;
}

/**
 * From `fromMs` until `toMs` a machine works at `pace` times its measured speed, or answers each call with an error at
 * once.
 */
export interface Fault {
  readonly fromMs: number;
  readonly toMs: number;
  readonly pace?: number;
  readonly fails?: boolean;
}

/** A machine: workers that do `speed` work units in a millisecond each. */
export interface Machine {
  readonly speed: number;
  readonly workers: number;
  /** Its share of the clients, relative to other machines. */
  readonly entry: number;
  /** Milliseconds from the machine to a place in the middle of the network. */
  readonly distanceMs: number;
  /** In the order of time; the first at 0. */
  readonly owner: readonly OwnerChange[];
  readonly fault?: Fault | undefined;
}

/** A whole scenario. */
export interface Scenario {
  readonly machines: readonly Machine[];
  readonly functions: readonly FunctionModel[];
  /** Arriving work as a share of the average capacity of all allowed workers. */
  readonly load: number;
  /** Duration of arrivals; calls before `warmUpMs` are not measured. */
  readonly durationMs: number;
  readonly warmUpMs: number;
  readonly seed: number;
}

/** Parameters of {@link officeScenario}. */
export interface OfficeOptions {
  readonly nodes: number;
  readonly load: number;
  readonly durationMs: number;
  readonly seed: number;
  /** Whether owners come and go. */
  readonly owners: boolean;
  /** Whether a machine slows down for a while, and another fails fast. */
  readonly faults: boolean;
}

/** Work units above which a call is too heavy while an owner is there: the default of the policy. */
const lightUnits = 50;

/**
 * Four light functions and two heavy ones, one of them of a heavy tail: one call in six brings nine tenths of the work.
 */
const mixedFunctions: readonly FunctionModel[] = [
  { name: "lookup", share: 30, meanUnits: 2, units: logNormal(2, 0.5) },
  { name: "render", share: 30, meanUnits: 5, units: logNormal(5, 0.7) },
  { name: "parse", share: 15, meanUnits: 10, units: exponential(10) },
  { name: "resize", share: 10, meanUnits: 20, units: logNormal(20, 0.5) },
  { name: "report", share: 10, meanUnits: 100, units: logNormal(100, 0.5) },
  heavyTailed("train", { share: 5, low: 80, high: 4_000 }),
];

/** The machines of an office and its clients, most of whom call few machines. */
export function officeScenario(options: OfficeOptions): Scenario {
  const { nodes, load, durationMs, seed } = options;
  const random = seeded(seed * 7919 + 1);
  const entries = zipf(nodes, { skew: 1, random });
  // Every mix has the same machines in another order, so that seeds differ in events and not in machines.
  const kinds = shuffled(
    Array.from({ length: nodes }, (_, index) => kindOf(index)),
    random,
  );
  const [slow, failing] = twoOf(kinds.length, random);
  const machines = kinds.map(({ speed, workers }, index): Machine => {
    const owned = options.owners && random() < 0.6;
    return {
      speed,
      workers,
      entry: entries[index] ?? 1,
      distanceMs: logNormal(0.25, 0.6)(random),
      owner: owned ? ownerOf(workers, { durationMs, random }) : [{ atMs: 0, slots: workers, lightUnits: Infinity }],
      ...(options.faults &&
        index === slow && { fault: { fromMs: 0.4 * durationMs, toMs: 0.6 * durationMs, pace: 0.25 } }),
      ...(options.faults &&
        index === failing && { fault: { fromMs: 0.6 * durationMs, toMs: 0.8 * durationMs, fails: true } }),
    };
  });
  return { machines, functions: mixedFunctions, load, durationMs, warmUpMs: durationMs / 6, seed };
}

/** Slots of a machine, on average over a time. */
export function averageSlots({ owner }: Machine, { fromMs, toMs }: { fromMs: number; toMs: number }): number {
  let sum = 0;
  for (const [index, { atMs, slots }] of owner.entries()) {
    const from = Math.max(fromMs, atMs);
    const to = Math.min(toMs, owner[index + 1]?.atMs ?? Number.POSITIVE_INFINITY);
    if (to > from) sum += slots * (to - from);
  }
  return sum / (toMs - fromMs);
}

/** Milliseconds between calls of a scenario, on average. */
export function meanGapMs({ machines, functions, load, durationMs }: Scenario): number {
  const shares = functions.reduce((sum, { share }) => sum + share, 0);
  const meanUnits = functions.reduce((sum, { share, meanUnits: units }) => sum + share * units, 0) / shares;
  const all = { fromMs: 0, toMs: durationMs };
  const unitsPerMs = machines.reduce((sum, machine) => sum + machine.speed * averageSlots(machine, all), 0);
  return meanUnits / (load * unitsPerMs);
}

const speeds = weighted([1, 3, 4, 2]);
const workerCounts = weighted([3, 4, 2, 1]);

/** Machine number `index` of a fixed list. */
function kindOf(index: number): { speed: number; workers: number } {
  const random = seeded(index + 1);
  const speed = [0.25, 0.5, 1, 2][speeds(random)] ?? 1;
  return { speed, workers: [2, 4, 8, 16][workerCounts(random)] ?? 2 };
}

/** An owner is away for twice as long as present, and unplugs the machine now and then. */
function ownerOf(workers: number, { durationMs, random }: { durationMs: number; random: Random }): OwnerChange[] {
  const changes: OwnerChange[] = [];
  let state = random() < 2 / 3 ? "idle" : "active";
  for (let atMs = 0; atMs < durationMs; ) {
    if (state === "idle") {
      changes.push({ atMs, slots: workers - 1, lightUnits: Infinity });
      atMs += exponential(20_000)(random);
      state = random() < 0.2 ? "battery" : "active";
    } else if (state === "active") {
      changes.push({ atMs, slots: Math.max(1, Math.floor(workers / 4)), lightUnits });
      atMs += exponential(10_000)(random);
      state = "idle";
    } else {
      changes.push({ atMs, slots: 0, lightUnits: Infinity });
      atMs += exponential(5_000)(random);
      state = "idle";
    }
  }
  return changes;
}

function heavyTailed(name: string, { share, ...bounds }: { share: number; low: number; high: number }): FunctionModel {
  return { name, share, meanUnits: paretoMean(1.5, bounds), units: pareto(1.5, bounds) };
}

function twoOf(count: number, random: Random): [number, number] {
  const [one = 0, other = 0] = shuffled(
    Array.from({ length: count }, (_, index) => index),
    random,
  );
  return [one, other];
}
