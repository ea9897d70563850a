// Checks answers, events and log lines against the contract before the page uses them: the node's version may differ.

import { signal } from "@preact/signals";
import * as z from "zod";
import { text } from "../text.ts";
import { ProblemError } from "./problem.ts";

/**
 * The last route whose answer the page could not read, with the reason; undefined while the page reads every answer.
 */
export const unreadable = signal<string | undefined>(undefined);

/**
 * Returns what `parse` returns; `source` names the route. Throws {@link ProblemError} with the code `answer.unreadable`
 * when `parse` throws, and sets {@link unreadable}.
 */
export function readable<Value>(source: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (cause) {
    const detail = `${source}: ${reasonOf(cause)}`;
    unreadable.value = detail;
    throw new ProblemError({ status: 0, code: "answer.unreadable", title: text.unreadable.title, detail }, { cause });
  }
}

/** The first place that the schema refused, and why. */
function reasonOf(cause: unknown): string {
  const [issue] = cause instanceof z.ZodError ? cause.issues : [];
  if (issue !== undefined) return `${issue.path.join(".")} ${issue.message}`.trim();
  return cause instanceof Error ? cause.message : String(cause);
}
