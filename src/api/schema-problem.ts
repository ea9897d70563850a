// A JSON value that does not fit its schema, as the problem that its sender gets.

import type { z } from "zod";
import { HerdError } from "../core/errors.js";

/** The most problems that one answer names. */
const mostProblems = 20;

/**
 * `request.malformed` with the fields that are unknown or wrong, 20 at most. `where` is a JSON pointer (RFC 6901) to
 * the first; `at` is the pointer to the value itself, empty for the whole body.
 */
export function schemaProblem(issues: readonly z.core.$ZodIssue[], at = ""): HerdError {
  const problems = issues.flatMap(problemsIn).slice(0, mostProblems);
  const where = at + pointerTo(issues[0]);
  const detail = `the body does not fit: ${problems.join("; ")}`;
  return new HerdError("request.malformed", detail, where === "" ? {} : { where });
}

function problemsIn(issue: z.core.$ZodIssue): string[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.slice(0, mostProblems).map((key) => `unknown field ${JSON.stringify(cut(key))}`);
  }
  return [issue.path.length === 0 ? issue.message : `${issue.path.map(cut).join(".")}: ${issue.message}`];
}

/** The JSON pointer to what an issue is about, from the value that was parsed; empty for the value itself. */
function pointerTo(issue: z.core.$ZodIssue | undefined): string {
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
  const path = [...(issue?.path ?? []), ...unknown].map(cut);
  return path.map((part) => `/${part.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** A name that a client chose, short enough for an answer. */
function cut(name: PropertyKey): string {
  return String(name).slice(0, 80);
}
