// The problem codes that a route may answer: its own, and those that follow from its declaration.

import type { ErrorCode } from "../core/error-codes.js";
import type { Route } from "./route.js";

/** Every problem code of a route: its own codes, and those that follow from its role, place, parameters and body. */
export function problemsOf(route: Route): ErrorCode[] {
  const codes = new Set<ErrorCode>([
    "internal",
    "request.headers-too-large",
    "request.timeout",
    "expectation.unsupported",
    ...(route.problems ?? []),
  ]);
  const addWhen = (applies: boolean, ...more: ErrorCode[]): void => {
    if (applies) for (const code of more) codes.add(code);
  };
  addWhen(route.role !== "none", "auth.missing", "auth.invalid", "auth.forbidden");
  addWhen((route.parameters ?? route.query ?? route.body) !== undefined, "request.malformed");
  addWhen(route.method !== "GET", "request.too-large");
  addWhen(route.body?.kind === "raw", "media.unsupported");
  // A relay may find no node that can act, find that node's share of relayed requests taken, or lose the link to it.
  addWhen(route.at !== "here", "node.unavailable", "node.overloaded", "node.revoked", "request.throttled");
  return [...codes].sort();
}
