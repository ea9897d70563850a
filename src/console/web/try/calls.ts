// A call of a function, with what its answer says of where the time went.

import { open, Problem } from "../data/api.ts";
import type { AppFunction } from "../data/shapes.ts";

/** How a call went. Times are milliseconds; those of the node are null when it told none. */
export interface CallResult {
  /** JSON text; empty for a function without a result. */
  readonly text: string;
  readonly problem: Problem | undefined;
  readonly node: string;
  readonly hops: number;
  readonly revision: string;
  readonly invocation: string;
  readonly queueMs: number | null;
  readonly runMs: number | null;
  readonly hopMs: number | null;
  /** From sending to the whole answer, as this page saw it. */
  readonly totalMs: number;
}

/** The path of a function's endpoint. */
export function pathOfCall(app: string, callable: AppFunction): string {
  return `/fn/${app}/${encodeURIComponent(callable.name)}`;
}

/** Calls once. Rejects only when the signal aborts. */
export async function call(
  path: string,
  { body, signal }: { body: string; signal?: AbortSignal },
): Promise<CallResult> {
  const began = performance.now();
  const headers = { "content-type": "application/json" };
  try {
    const answer = await open(path, { method: "POST", body, headers, ...(signal === undefined ? {} : { signal }) });
    const text = await answer.text();
    return { ...told(answer.headers), text, problem: undefined, totalMs: performance.now() - began };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { ...told(error.headers), text: "", problem: error, totalMs: performance.now() - began };
  }
}

function told(headers: Headers): Omit<CallResult, "text" | "problem" | "totalMs"> {
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
