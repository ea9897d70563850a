// A JSON value that does not fit its schema, as the problem that its sender gets.

import type { z } from "zod";
import { HerdError } from "../core/errors.js";

/** The most problems that one answer names. */
const mostProblems = 20;

/**
 * `request.malformed` with every field that is unknown or wrong, by name. `where` is a JSON pointer (RFC 6901) to the
 * first; `at` is the pointer to the value itself, empty for the whole body.
 */
export function schemaProblem(issues: readonly z.core.$ZodIssue[], at = ""): HerdError {
  const problems = issues.map((issue) => {
    if (issue.code === "unrecognized_keys") {
      return `unknown field ${issue.keys.map((key) => JSON.stringify(key.slice(0, 80))).join(", ")}`;
    }
    return issue.path.length === 0 ? issue.message : `${issue.path.join(".")}: ${issue.message}`;
  });
  const where = at + pointerTo(issues[0]);
  const detail = `the body does not fit: ${problems.slice(0, mostProblems).join("; ")}`;
  return new HerdError("request.malformed", detail, where === "" ? {} : { where });
}

/** The JSON pointer to what an issue is about, from the value that was parsed; empty for the value itself. */
function pointerTo(issue: z.core.$ZodIssue | undefined): string {
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
  const path = [...(issue?.path ?? []), ...unknown].map(String);
  return path.map((part) => `/${part.slice(0, 80).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
