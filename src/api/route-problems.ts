// The problem codes that a route may answer: its own, and those that follow from its declaration.

import type { ErrorCode } from "../core/error-codes.js";
import type { Route } from "./route.js";

/** Every problem code of a route: its own codes, and those that follow from its role, method, place and body. */
export function problemsOf(route: Route): ErrorCode[] {
  const codes = new Set<ErrorCode>([
    "internal",
    "request.malformed",
    "request.too-large",
    "request.headers-too-large",
    "expectation.unsupported",
    ...(route.problems ?? []),
  ]);
  const addWhen = (applies: boolean, ...more: ErrorCode[]): void => {
    if (applies) for (const code of more) codes.add(code);
  };
  addWhen(route.role !== "none", "auth.missing", "auth.invalid", "auth.forbidden");
  // The body of a GET request is not read.
  addWhen(route.method !== "GET", "request.timeout");
  addWhen(route.body?.kind === "raw", "media.unsupported");
  // A relay may find no node that can act, or that node's share of relayed requests taken. A route of `masters` answers
  // without the masters that do not answer.
  const isRelayed = route.at !== "here" && route.at !== "masters";
  addWhen(isRelayed, "node.unavailable", "node.overloaded", "request.throttled");
  return [...codes].sort();
}
