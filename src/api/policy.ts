// The owner's policy of the asked node, and a pause.

import * as z from "zod";
import { ownerPolicyShape } from "../core/owner-policy.js";
import { answer, type DeepReadonly, json, type Route } from "./route.js";

type Shape = typeof ownerPolicyShape;

const timeError = 'a time like 2030-01-31T18:00:00Z, "forever" or null is needed';

/** A change of settings: `null` takes a setting back to the node's own. */
const patch = z.strictObject(
  {
    ...(Object.fromEntries(
      Object.entries(ownerPolicyShape).map(([name, shape]) => [
        name,
        shape.nullish().describe(shape.description ?? ""),
      ]),
    ) as {
      [setting in keyof Shape]: z.ZodOptional<z.ZodNullable<Shape[setting]>>;
    }),
    pausedUntil: z
      .string({ error: timeError })
      .refine((text) => text === "forever" || z.iso.datetime({ offset: true }).safeParse(text).success, {
        error: timeError,
      })
      .nullish()
      .describe("Pauses the node until a time (RFC 3339) or `forever`; null ends a pause."),
  },
  { error: "an object of settings is needed" },
);

/** The body of `GET /v1/policy`. */
export const policy = z
  .object({
    node: z.string().describe("Name of the node."),
    settings: z
      .object(ownerPolicyShape)
      .describe("Every setting as it holds now: see the reference of the configuration."),
    state: z
      .string()
      .describe(
        "What the owner leaves to calls: `none`, `idle`, `active`, `battery`, `hot`, `hours`, `memory` or `paused`.",
      ),
    slots: z.int().describe("Calls that may run at once now."),
    idleClass: z.boolean().describe("Whether calls run in the idle scheduling class."),
    lightUnits: z.number().nullable().describe("The heaviest call that is taken now, in work units; null for any."),
    signals: z
      .object({
        onBattery: z.boolean().nullable().describe("Whether the machine runs on its battery."),
        celsius: z.number().nullable().describe("Temperature of the CPU."),
        ownerActive: z.boolean().nullable().describe("Whether a person uses the machine."),
        ownerIdleMs: z.number().nullable().describe("Milliseconds without input."),
        headless: z.boolean().nullable().describe("Whether the machine has no screen and no input for a person."),
        foreignCpu: z.number().nullable().describe("Share of all cores that other programs use, 0 to 1."),
        rssBytes: z.number().nullable().describe("Memory that the node holds."),
        totalBytes: z.number().nullable().describe("Memory of the machine."),
      })
      .describe("Signals of the machine; null for a signal that the machine does not give."),
    pausedUntil: z.string().nullable().describe("RFC 3339 in UTC, or `forever`; null while the node is not paused."),
  })
  .meta({ id: "Policy" });

/** `GET /v1/policy`. */
export const showPolicy = {
  method: "GET",
  path: "/v1/policy",
  summary: "Shows the policy of the asked node, and the allowance that it leaves to calls now.",
  role: "admin",
  byOwner: true,
  at: "here",
  answers: { 200: answer("The policy.", json(policy)) },
} as const satisfies Route;

/** `PUT /v1/policy`. */
export const changePolicy = {
  method: "PUT",
  path: "/v1/policy",
  summary: "Changes settings of the asked node, or pauses it.",
  role: "admin",
  byOwner: true,
  at: "here",
  body: json(patch),
  answers: { 200: answer("The policy as it is now.", json(policy)) },
} as const satisfies Route;

/** The policy of a node. */
export type Policy = DeepReadonly<z.infer<typeof policy>>;
