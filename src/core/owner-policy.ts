// The owner's policy: the settings by which the owner of a machine bounds guests, with their bounds and defaults.

import * as z from "zod";

/** The owner's policy of one node. Defaults: {@link defaultOwnerPolicy}. `src/owner` decides the allowance from it. */
export interface OwnerPolicy {
  /**
   * Whose machine it is; default `auto`. `auto`: somebody's workstation, so the owner's presence and other programs'
   * load count. `none`: nobody's; all workers run whoever is logged in and whatever else runs. Battery, heat, hours and
   * memory count in both cases. Configuring `workers` without this setting means `none`.
   */
  readonly owner: "auto" | "none";
  /**
   * Share of the cores that guests may use while the owner is there: `max(1, floor(activeShare × cores))` workers, at
   * most all; 0 to 1, default 0.25. Lower is felt less; higher gives the mesh more by day.
   */
  readonly activeShare: number;
  /**
   * The heaviest call that is taken while the owner is there, in work units (1 unit is 1 ms of the reference machine);
   * default 50. Lower frees a core sooner when the owner wants it; higher lets more functions run here by day.
   */
  readonly lightUnits: number;
  /**
   * Time without input after which the owner counts as away, ms, from when the session itself became idle; default
   * 120,000. Lower uses short breaks; higher does not mistake a reading owner for an absent one. A locked session
   * counts as away at once.
   */
  readonly idleAfterMs: number;
  /**
   * Share of all cores that other programs may use before the node gives way; 0.01 to 1, default 0.3. Above it the
   * workers are halved at each sample (1 s), down to one. Lower gives way sooner; 1 never does.
   */
  readonly foreignCpu: number;
  /**
   * Time below `foreignCpu` after which one more worker runs again, ms; default 10,000. Lower recovers sooner, and
   * swings more.
   */
  readonly recoverMs: number;
  /**
   * Degrees Celsius of the CPU at which guests stop, until it is 5 degrees cooler; default 85. Lower is quieter; higher
   * works longer.
   */
  readonly maxCelsius: number;
  /** On battery: `stop` sends all calls elsewhere, `allow` continues as on mains; default `stop`. */
  readonly battery: "stop" | "allow";
  /** Local hours in which guests may run, such as `18:00-08:00`, which spans midnight; default `always`. */
  readonly hours: string;
  /**
   * Share of the machine's memory that the node's process may hold; 0.01 to 1, default 0.25. Above it guests stop,
   * until the process holds a tenth less. Lower leaves the owner more; a share below what an idle node holds stops
   * guests for good.
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
  owner: choice("auto", "none").describe("Whose machine it is: somebody's (`auto`), or nobody's (`none`)."),
  activeShare: number(0, 1).describe("Share of the cores that calls may use while the owner is there."),
  lightUnits: number(0.001, 1e9).describe("The heaviest call that is taken while the owner is there, in work units."),
  idleAfterMs: milliseconds(0, 86_400_000).describe("Milliseconds without input after which the owner counts as away."),
  foreignCpu: number(0.01, 1).describe("Share of all cores that other programs may use before the node gives way."),
  recoverMs: milliseconds(100, 3_600_000).describe(
    "Milliseconds below `foreignCpu` before one more worker works again.",
  ),
  maxCelsius: number(30, 150).describe("Temperature of the CPU at which calls stop, in degrees Celsius."),
  battery: choice("stop", "allow").describe("Whether calls go on while the machine runs on its battery."),
  hours: z
    .string({ error: hoursError })
    .refine((text) => text === "always" || hoursOf(text) !== undefined, { error: hoursError })
    .describe("Local hours in which calls may run, such as `18:00-08:00`, or `always`."),
  memoryShare: number(0.01, 1).describe("Share of the machine's memory that the node may hold before calls stop."),
} satisfies { [setting in keyof OwnerPolicy]: z.ZodType<OwnerPolicy[setting]> };

/** Some of the settings: as in a configuration file or a stored change. */
export const ownerPolicySchema = z.strictObject(ownerPolicyShape).partial();

/** A change of settings; `null` takes a setting back to the node's own. */
export type OwnerPolicyPatch = { readonly [setting in keyof OwnerPolicy]?: OwnerPolicy[setting] | null | undefined };

/**
 * Minutes of the day at which hours begin and end, from `HH:MM-HH:MM`; undefined for any other text, and when both are
 * the same.
 */
export function hoursOf(text: string): { readonly from: number; readonly to: number } | undefined {
  const match = /^([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])$/.exec(text);
  if (match === null) return undefined;
  const [from, to] = [Number(match[1]) * 60 + Number(match[2]), Number(match[3]) * 60 + Number(match[4])];
  return from === to ? undefined : { from, to };
}
