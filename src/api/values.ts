// Values that several resources share: names, ids, times and parameters of queries.

import * as z from "zod";
import { appNameFault, appNamePattern } from "../core/app-name.js";

/** The name of an app, as paths, tokens and URLs hold it. */
export const appName = z
  .string()
  .regex(appNamePattern, { error: ({ input }) => appNameFault(String(input)) })
  .describe("Name of an app.");

/** A revision: the first 12 hex digits of the SHA-256 of its component. */
export const revisionName = z.string().describe("Revision: the first 12 hex digits of the SHA-256 of its component.");

/** A time in UTC. */
export const time = (what: string) =>
  z.string().meta({ format: "date-time", description: `${what}, RFC 3339 in UTC.` });

/** Names of nodes. */
export const nodeNames = (what: string) => z.array(z.string()).describe(`${what}, by name.`);

/** A number that is null while it is not known. */
export const known = (what: string) => z.number().nullable().describe(`${what}; null while it is not known.`);

/** A whole number, zero or more. */
export const count = (what: string) => z.int().min(0).describe(what);

/** A host name or address at which a node is to be reached. */
export const host = z
  .string()
  .max(253)
  .regex(/^[A-Za-z0-9:][A-Za-z0-9.:_-]*$/, "not a host");

/** A parameter of a query that is `true` or `false`; without a value it is true. */
export const flag = (what: string) =>
  z
    .enum(["true", "false", ""], { error: "true or false is needed" })
    .transform((text) => text !== "false")
    .optional()
    .describe(what);

/** A parameter of a query that is a whole number of at most six digits. */
export const limit = (otherwise: number, what: string) =>
  z
    .string()
    .regex(/^[0-9]{1,6}$/, "a number of at most 999999 is needed")
    .transform(Number)
    .default(otherwise)
    .describe(`${what}; ${otherwise} when not given.`);

/** The header of an answer to a change that the disk has not taken yet. */
export const durableHeader = {
  "herd-durable": "`false` while the change is held in memory, because the disk takes no more.",
} as const;

/** The field of an answer to a change that the disk has not taken yet. */
export const durable = z
  .literal(false)
  .optional()
  .describe("`false` while the change is held in memory, because the disk takes no more; else absent.");

/** The query of routes for which a node gathers what each master keeps. */
export const here = z.object({ here: flag("Leaves out what other masters keep.") });
