// GET and PUT /v1/policy: what the owner of this node's machine allows, and a pause.

import { z } from "zod";
import { HerdError } from "../../core/errors.js";
import { ownerPolicyShape } from "../../core/owner-policy.js";
import type { Endpoint } from "../http/endpoint.js";
import type { Owner } from "../ports.js";

/** What the endpoints of the owner work with. */
export interface PolicyOptions {
  readonly owner: Owner;
  readonly node: { readonly name: string };
}

const timeError = 'a time like 2030-01-31T18:00:00Z, "forever" or null is needed';
const patchBody = z.strictObject({
  ...(Object.fromEntries(Object.entries(ownerPolicyShape).map(([name, shape]) => [name, shape.nullish()])) as {
    [setting in keyof typeof ownerPolicyShape]: z.ZodOptional<z.ZodNullable<(typeof ownerPolicyShape)[setting]>>;
  }),
  pausedUntil: z
    .string({ error: timeError })
    .refine((text) => text === "forever" || z.iso.datetime({ offset: true }).safeParse(text).success, {
      error: timeError,
    })
    .nullish(),
});

/** The policy of the asked node, whole: shown, and changed by what a body names. `null` takes a setting back to the node's own. */
export function policyEndpoints({ owner, node }: PolicyOptions): Endpoint[] {
  const view = (): Record<string, unknown> => policyView(owner, node.name);
  return [
    {
      method: "GET",
      path: "/v1/policy",
      role: "admin",
      byOwner: true,
      handle: (exchange) => exchange.answer(200, view()),
    },
    {
      method: "PUT",
      path: "/v1/policy",
      role: "admin",
      byOwner: true,
      async handle(exchange) {
        const body = patchBody.safeParse(await exchange.json());
        if (!body.success) throw misfit(body.error.issues);
        const { pausedUntil, ...patch } = body.data;
        await owner.update({ ...patch, ...(pausedUntil === undefined ? {} : { pausedUntil: epochMs(pausedUntil) }) });
        exchange.answer(200, view());
      },
    },
  ];
}

function epochMs(until: string | null): number | null {
  if (until === null) return null;
  return until === "forever" ? Number.POSITIVE_INFINITY : Date.parse(until);
}

/** Every setting that is unknown or wrong, by name. */
function misfit(issues: readonly z.core.$ZodIssue[]): HerdError {
  const problems = issues.map((issue) => {
    if (issue.code === "unrecognized_keys") {
      return `unknown setting ${issue.keys.map((key) => JSON.stringify(key.slice(0, 80))).join(", ")}`;
    }
    return issue.path.length === 0 ? "the body is an object of settings" : `${issue.path.join(".")}: ${issue.message}`;
  });
  const where = `/${issues[0]?.path.join("/") ?? ""}`;
  return new HerdError("request.malformed", problems.slice(0, 20).join("; "), { where });
}

/** A policy as it is shown, with what the machine is doing and what that leaves to calls. */
export function policyView(owner: Owner, node: string): Record<string, unknown> {
  const { state, slots, idleClass, lightUnits } = owner.current;
  const { foreignSample: _, ...signals } = owner.signals;
  const until = owner.pausedUntil;
  return {
    node,
    settings: owner.policy,
    state,
    slots,
    idleClass,
    lightUnits: Number.isFinite(lightUnits) ? lightUnits : null,
    signals: Object.fromEntries(Object.entries(signals).map(([name, value]) => [name, value ?? null])),
    pausedUntil: until === undefined ? null : Number.isFinite(until) ? new Date(until).toISOString() : "forever",
  };
}
