// A call and its answer as they cross a link: flat arrays, of which nothing is believed before it was checked.

import type { ErrorCode, ErrorData } from "../../core/errors.js";
import type { CallArguments, Outcome } from "../invoker.js";
import { isMs, isRevision } from "../peer-values.js";
import { type Refusal, refusals } from "../routing/refusal.js";

/** A call that a peer hands over. It came one hop: there is no field that could say otherwise. */
export interface CallFrame {
  readonly app: string;
  readonly revision: string;
  readonly function: string;
  readonly arguments: CallArguments;
  /** The id that its first node gave it. */
  readonly invocation: string;
  readonly remainingMs: number;
  /** How long it may wait before it runs; undefined: until its deadline, since it is meant for this node alone. */
  readonly patienceMs: number | undefined;
}

/** How a forwarded call ended. */
export type CallAnswer =
  | ({ readonly kind: "ok" } & Omit<Outcome, "hop">)
  | { readonly kind: "failed"; readonly error: ErrorData }
  | { readonly kind: "refused"; readonly reason: Refusal };

/** The one hop that a forwarded call makes. */
const oneHop = 1;
const maxDetail = 16_384;
const maxWhere = 1_024;

/** What a function's run at a peer may come to, beside a result: everything else is the peer's own trouble. */
const answers: ReadonlySet<string> = new Set<ErrorCode>([
  "request.malformed",
  "arguments.invalid",
  "function.trapped",
  "function.out-of-memory",
  "function.result-too-large",
  "function.deadline",
  "internal",
]);

/** A call as an ask's body. */
export function encodeCall(call: CallFrame): unknown[] {
  const { format, body } = call.arguments;
  const { app, revision, function: name, invocation, remainingMs, patienceMs } = call;
  return [oneHop, app, revision, name, format, body, invocation, remainingMs, patienceMs ?? null];
}

/** The call in an ask's body, or what is wrong with it. */
export function decodeCall(frame: unknown): CallFrame | { readonly wrong: string } {
  if (!Array.isArray(frame) || frame.length !== 9) return { wrong: "a call has nine fields" };
  const [hop, app, revision, name, format, body, invocation, remainingMs, patienceMs] = frame as unknown[];
  if (hop !== oneHop) return { wrong: `a call came with hop ${describe(hop)}` };
  if (typeof app !== "string" || app.length > 63) return { wrong: "the app is no name" };
  if (!isRevision(revision)) return { wrong: "the revision is no revision" };
  if (typeof name !== "string" || name.length > 1_024) return { wrong: "the function is no name" };
  if (format !== "json" && format !== "query") return { wrong: "the format is unknown" };
  if (typeof body !== "string" && !(body instanceof Uint8Array)) return { wrong: "the arguments are no bytes" };
  if (typeof invocation !== "string" || !/^[0-9a-z-]{1,40}$/.test(invocation)) return { wrong: "the id is no id" };
  if (!isMs(remainingMs)) return { wrong: "the remaining time is no time" };
  if (patienceMs !== null && !isMs(patienceMs)) return { wrong: "the patience is no time" };
  return {
    app,
    revision,
    function: name,
    arguments: { format, body },
    invocation,
    remainingMs,
    patienceMs: patienceMs ?? undefined,
  };
}

/** An answer as an ask's result, with what the answering node tells of itself. */
export function encodeAnswer(answer: CallAnswer, report: unknown[]): unknown[] {
  switch (answer.kind) {
    case "ok":
      return [0, report, answer.json, answer.queueMs, answer.runMs, answer.serviceMs ?? null];
    case "failed": {
      const { code, detail, where } = answer.error;
      return [1, report, code, detail.slice(0, maxDetail), where?.slice(0, maxWhere) ?? null, null];
    }
    default:
      return [2, report, refusals.indexOf(answer.reason), null, null, null];
  }
}

/** The answer in an ask's result, and the report with it as it came; undefined when it is no answer. */
export function decodeAnswer(result: unknown): { readonly answer: CallAnswer; readonly report: unknown } | undefined {
  if (!Array.isArray(result) || result.length !== 6) return undefined;
  const [kind, report, ...fields] = result as unknown[];
  const answer = kind === 0 ? success(fields) : kind === 1 ? failure(fields) : kind === 2 ? refusal(fields) : undefined;
  return answer === undefined ? undefined : { answer, report };
}

function success([json, queueMs, runMs, serviceMs]: readonly unknown[]): CallAnswer | undefined {
  if (json !== null && typeof json !== "string" && !(json instanceof Uint8Array)) return undefined;
  if (!isMs(queueMs) || !isMs(runMs) || (serviceMs !== null && !isMs(serviceMs))) return undefined;
  return { kind: "ok", json, queueMs, runMs, serviceMs: serviceMs ?? undefined };
}

function failure([code, detail, where]: readonly unknown[]): CallAnswer | undefined {
  if (typeof code !== "string" || !answers.has(code) || typeof detail !== "string") return undefined;
  if (where !== null && typeof where !== "string") return undefined;
  const place = where === null ? {} : { where: where.slice(0, maxWhere) };
  return { kind: "failed", error: { code: code as ErrorCode, detail: detail.slice(0, maxDetail), ...place } };
}

function refusal([index]: readonly unknown[]): CallAnswer | undefined {
  const reason = typeof index === "number" ? refusals[index] : undefined;
  return reason === undefined ? undefined : { kind: "refused", reason };
}

/** A value that a peer sent, short and on one line. */
function describe(value: unknown): string {
  return typeof value === "number" || typeof value === "boolean" ? String(value) : `of type ${typeof value}`;
}
