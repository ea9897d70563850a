// A call of a function from the page, with its result and the times that the answer's headers report.

import { invoke } from "../../../api/calls.ts";
import type { ParametersOf } from "../../../api/route.ts";
import { ProblemError } from "../data/problem.ts";
import { open } from "../data/requests.ts";

/** How a call went. Times are milliseconds; those of the node are null when the answer reports none. */
export interface CallResult {
  /** JSON text; empty for a function without a result. */
  readonly text: string;
  readonly problem: ProblemError | undefined;
  /** Name of the node that computed the answer; empty when the answer names none. */
  readonly node: string;
  readonly hops: number;
  readonly revision: string;
  readonly invocation: string;
  readonly queueMs: number | null;
  readonly runMs: number | null;
  readonly hopMs: number | null;
  /** From the request to the end of the answer, measured in the page. */
  readonly totalMs: number;
}

/** The function that is called, and its app. */
export type Callee = Readonly<ParametersOf<typeof invoke>>;

/** Calls a function once, with arguments by name. Rejects only when the signal aborts. */
export async function callFunction(
  callee: Callee,
  { body, signal }: { body: unknown; signal?: AbortSignal },
): Promise<CallResult> {
  const began = performance.now();
  try {
    const answer = await open(invoke, { parameters: callee, body, signal });
    const text = await answer.text();
    return { ...reportedBy(answer.headers), text, problem: undefined, totalMs: performance.now() - began };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return { ...reportedBy(error.headers), text: "", problem: error, totalMs: performance.now() - began };
  }
}

/** What the headers of an answer report of its call. */
function reportedBy(headers: Headers): Omit<CallResult, "text" | "problem" | "totalMs"> {
  const timing = headers.get("server-timing") ?? "";
  const duration = (name: string): number | null => {
    const found = new RegExp(`(?:^|, )${name};dur=([0-9.]+)`).exec(timing);
    return found === null ? null : Number(found[1]);
  };
  return {
    node: headers.get("herd-node") ?? "",
    hops: Number(headers.get("herd-hops") ?? 0),
    revision: headers.get("herd-revision") ?? "",
    invocation: headers.get("herd-invocation") ?? "",
    queueMs: duration("queue"),
    runMs: duration("run"),
    hopMs: duration("hop"),
  };
}
