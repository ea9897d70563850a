// The profile of a machine: the rates of each kernel on one worker and on all at once, and what follows from them.

import * as z from "zod";
import { type Capacity, type Kernel, kernels } from "./capacity.js";
import { uncontended } from "./contention.js";
import { type Estimate, geometricMean } from "./estimate.js";

/** The rates of one kernel: on one worker while the others are idle, and on all workers together. */
export interface KernelProfile {
  readonly one: Estimate;
  readonly all: Estimate;
}

/**
 * Lengths of a profile: `short`, about a second, for a node that starts; `full`, about 15 s, for people who compare.
 */
export type ProfileLength = "short" | "full";

/** A profile. `at` is in milliseconds since the epoch. */
export interface Profile {
  readonly at: number;
  readonly length: ProfileLength;
  /** See `fingerprintOf`: a profile holds only where its fingerprint is the same. */
  readonly fingerprint: string;
  readonly workers: number;
  readonly kernels: { readonly [kernel in Kernel]: KernelProfile };
  /** Geometric means over the kernels. */
  readonly overall: KernelProfile;
  /**
   * The share of the time in which the workers ran, of the time in which they could have run, on one worker and on all:
   * below 1 when other programs used the machine.
   */
  readonly availability: { readonly one: number; readonly all: number };
  /**
   * The CPU time that the workers got, as a share of the time that they wanted: low when all calls were delayed alike,
   * which no median shows.
   */
  readonly cpuShare: number;
}

/** The overall rates of a profile, from those of its kernels. */
export function overallOf(each: Profile["kernels"]): KernelProfile {
  const mean = (mode: keyof KernelProfile): Estimate => geometricMean(kernels.map((kernel) => each[kernel][mode]));
  return { one: mean("one"), all: mean("all") };
}

const sureAvailability = 0.8;
const sureSpread = 0.1;
/**
 * Units per second of one worker below which the measurement itself is wrong: a 64th of the reference machine, a third
 * of the slowest board in use.
 */
const plausibleRate = 1_000 / 64;
const starvedShare = 0.5;

/**
 * Whether the machine was quiet enough for the rates to last; otherwise they are of a moment, and of what other
 * programs left.
 */
export function isSure({ overall, availability, cpuShare }: Profile): boolean {
  const { one, all } = overall;
  if (cpuShare < uncontended || one.unitsPerSecond < plausibleRate) return false;
  return availability.all >= sureAvailability && all.spread <= sureSpread;
}

/**
 * Whether other programs had most of the machine: the reference machine's rates are then nearer than the measured ones.
 * A quota is no starvation, since workers do not want the time beyond it.
 */
export function isStarved({ overall, cpuShare }: Profile): boolean {
  return cpuShare < starvedShare || overall.one.unitsPerSecond < plausibleRate;
}

/** The capacity in a profile, as peers receive it: four significant digits, since more are noise. */
export function capacityOf({ workers, overall, kernels: each }: Profile): Capacity {
  const rounded = ({ all }: KernelProfile): number => Number(all.unitsPerSecond.toPrecision(4));
  const entries = kernels.map((kernel) => [kernel, rounded(each[kernel])]);
  return { workers, overall: rounded(overall), kernels: Object.fromEntries(entries) };
}

// The infinite spread of too few samples is null in JSON.
const estimate = z.object({
  unitsPerSecond: z.number().min(1e-3).max(1e9),
  spread: z
    .number()
    .min(0)
    .nullable()
    .transform((spread) => spread ?? Number.POSITIVE_INFINITY),
  samples: z.number().int().min(0),
});
const kernelProfile = z.object({ one: estimate, all: estimate });
const share = z.number().min(0).max(1);
const shape = z.object({
  at: z.number(),
  length: z.enum(["short", "full"]),
  fingerprint: z.string().max(128),
  workers: z.number().int().min(1).max(1_024),
  kernels: z.object(
    Object.fromEntries(kernels.map((kernel) => [kernel, kernelProfile])) as Record<Kernel, typeof kernelProfile>,
  ),
  overall: kernelProfile,
  availability: z.object({ one: share, all: share }),
  cpuShare: share,
});

/** The profile in a JSON text; undefined when the text holds none. */
export function readProfile(text: string): Profile | undefined {
  try {
    return shape.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
