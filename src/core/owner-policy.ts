// What a machine's owner allows guests: one place for the settings, their bounds and their defaults.

import { z } from "zod";

/** The owner's settings of one node. What is not said is as in {@link defaultOwnerPolicy}. */
export interface OwnerPolicy {
  /**
   * Whose machine it is. `auto`: somebody's, so what the node does follows from whether the owner is there. `none`: nobody's, all
   * workers work whoever is logged in and whatever else runs; battery, heat, hours and memory count all the same. A node whose
   * `workers` are given is nobody's, unless this is given too.
   */
  readonly owner: "auto" | "none";
  /**
   * Share of the cores that guests may use while the owner is there: workers = max(1, floor(share x cores)). Lower is felt less;
   * higher gives the mesh more of the day.
   */
  readonly activeShare: number;
  /**
   * The heaviest call, in work units (1 unit is 1 ms of the reference machine), that is taken while the owner is there. Lower frees
   * a core sooner when the owner wants it; higher lets more functions run here by day.
   */
  readonly lightUnits: number;
  /**
   * Milliseconds without input after which the owner counts as away, counted from when the session itself became idle. Lower uses
   * short breaks; higher is not fooled by somebody who reads. A locked session counts at once.
   */
  readonly idleAfterMs: number;
  /**
   * Share of all cores that other programs may use before the node gives way: above it the workers are halved at each sample (1 s),
   * down to one. Lower gives way sooner; 1 never does.
   */
  readonly foreignCpu: number;
  /** Milliseconds below `foreignCpu` after which one more worker works again. Lower comes back sooner, and swings more. */
  readonly recoverMs: number;
  /** Degrees Celsius of the CPU at which guests stop, until it is 5 degrees below. Lower is quieter; higher works longer. */
  readonly maxCelsius: number;
  /** What happens on battery: `stop` sends all calls elsewhere, `allow` goes on as on mains. */
  readonly battery: "stop" | "allow";
  /** Local hours in which guests may run, such as `18:00-08:00`, which spans midnight; or `always`. */
  readonly hours: string;
  /**
   * Share of the machine's memory that the node's process may hold; above it guests stop until a tenth less is held. Lower leaves
   * the owner more; one that is below what the node needs anyway stops it for good.
   */
  readonly memoryShare: number;
}

/** The settings of a node that configures none. */
export const defaultOwnerPolicy: OwnerPolicy = {
  owner: "auto",
  activeShare: 0.25,
  lightUnits: 50,
  idleAfterMs: 120_000,
  foreignCpu: 0.3,
  recoverMs: 10_000,
  maxCelsius: 85,
  battery: "stop",
  hours: "always",
  memoryShare: 0.25,
};

const number = (min: number, max: number) => {
  const error = `a number from ${min} to ${max} is needed`;
  return z.number({ error }).min(min, { error }).max(max, { error });
};
const milliseconds = (min: number, max: number) => {
  const error = `a whole number from ${min} to ${max} is needed`;
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
};
const choice = <const Names extends readonly [string, ...string[]]>(...names: Names) =>
  z.enum(names, { error: `one of ${names.join(", ")} is needed` });
const hoursError = "hours like 18:00-08:00, or always, are needed";

/** How each setting is read. */
export const ownerPolicyShape = {
  owner: choice("auto", "none"),
  activeShare: number(0, 1),
  lightUnits: number(0.001, 1e9),
  idleAfterMs: milliseconds(0, 86_400_000),
  foreignCpu: number(0.01, 1),
  recoverMs: milliseconds(100, 3_600_000),
  maxCelsius: number(30, 150),
  battery: choice("stop", "allow"),
  hours: z
    .string({ error: hoursError })
    .refine((text) => text === "always" || hoursOf(text) !== undefined, { error: hoursError }),
  memoryShare: number(0.01, 1),
} satisfies { [setting in keyof OwnerPolicy]: z.ZodType<OwnerPolicy[setting]> };

/** Some of the settings: what a configuration file, or a kept patch, says. */
export const ownerPolicySchema = z.strictObject(ownerPolicyShape).partial();

/** Settings that were given; the others are the node's own defaults. */
export type OwnerPolicyPatch = { readonly [setting in keyof OwnerPolicy]?: OwnerPolicy[setting] | null | undefined };

/** Minutes of the day at which hours begin and end, from `HH:MM-HH:MM`; undefined when the text is none, or both are the same. */
export function hoursOf(text: string): { readonly from: number; readonly to: number } | undefined {
  const match = /^([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])$/.exec(text);
  if (match === null) return undefined;
  const [from, to] = [Number(match[1]) * 60 + Number(match[2]), Number(match[3]) * 60 + Number(match[4])];
  return from === to ? undefined : { from, to };
}
