// Codec of forwarded calls and their results: flat arrays on the wire, every field checked before it is used.

import type { ErrorCode } from "../../core/error-codes.js";
import { isMs, isRevision } from "../peer-values.js";
import { refusals } from "../routing/refusal.js";
import type { ForwardedCall, ForwardedResult } from "./forwarded-call.js";

/** The one hop that a forwarded call makes. */
const oneHop = 1;
const maxDetail = 16_384;
const maxWhere = 1_024;

/** Codes with which a function's run at a peer may fail. Any other code is a failure of the peer, and not accepted. */
const functionFailures: ReadonlySet<string> = new Set<ErrorCode>([
  "request.malformed",
  "arguments.invalid",
  "method.unsupported",
  "function.trapped",
  "function.out-of-memory",
  "function.result-too-large",
  "function.deadline",
  "internal",
]);

/** A call as a request's body. */
export function encodeCall(call: ForwardedCall): unknown[] {
  const { format, body } = call.arguments;
  const { app, revision, function: name, id, remainingMs, queueTimeoutMs } = call;
  return [oneHop, app, revision, name, format, body, id, remainingMs, queueTimeoutMs ?? null];
}

/** The call in a request's body, or what is wrong with the body. */
export function decodeCall(frame: unknown): ForwardedCall | { readonly wrong: string } {
  if (!Array.isArray(frame) || frame.length !== 9) return { wrong: "a call has nine fields" };
  const [hop, app, revision, name, format, body, id, remainingMs, queueTimeoutMs] = frame as unknown[];
  if (hop !== oneHop) return { wrong: `a call came with hop ${describe(hop)}` };
  if (typeof app !== "string" || app.length > 63) return { wrong: "the app is no name" };
  if (!isRevision(revision)) return { wrong: "the revision is no revision" };
  if (typeof name !== "string" || name.length > 1_024) return { wrong: "the function is no name" };
  if (format !== "json" && format !== "query") return { wrong: "the format is unknown" };
  if (typeof body !== "string" && !(body instanceof Uint8Array)) return { wrong: "the arguments are no bytes" };
  if (typeof id !== "string" || !/^[0-9a-z-]{1,40}$/.test(id)) return { wrong: "the id is no id" };
  if (!isMs(remainingMs)) return { wrong: "the remaining time is no time" };
  if (queueTimeoutMs !== null && !isMs(queueTimeoutMs)) return { wrong: "the queue timeout is no time" };
  return {
    app,
    revision,
    function: name,
    arguments: { format, body },
    id,
    remainingMs,
    queueTimeoutMs: queueTimeoutMs ?? undefined,
  };
}

/** A result as a response's body, with the peer's report piggybacked on it. */
export function encodeResult(result: ForwardedResult, report: unknown[]): unknown[] {
  switch (result.kind) {
    case "ok":
      return [0, report, result.json, result.queueMs, result.runMs, result.serviceMs ?? null];
    case "failed":
    case "broken": {
      const { code, detail, where } = result.error;
      return [1, report, code, detail.slice(0, maxDetail), where?.slice(0, maxWhere) ?? null, null];
    }
    default:
      return [2, report, refusals.indexOf(result.reason), null, null, null];
  }
}

/** The result in a response's body, and the undecoded report beside it; undefined when the body holds no result. */
export function decodeResult(
  body: unknown,
): { readonly result: ForwardedResult; readonly report: unknown } | undefined {
  if (!Array.isArray(body) || body.length !== 6) return undefined;
  const [kind, report, ...fields] = body as unknown[];
  const result = kind === 0 ? success(fields) : kind === 1 ? failure(fields) : kind === 2 ? refusal(fields) : undefined;
  return result === undefined ? undefined : { result, report };
}

function success([json, queueMs, runMs, serviceMs]: readonly unknown[]): ForwardedResult | undefined {
  if (json !== null && typeof json !== "string" && !(json instanceof Uint8Array)) return undefined;
  if (!isMs(queueMs) || !isMs(runMs) || (serviceMs !== null && !isMs(serviceMs))) return undefined;
  return { kind: "ok", json, queueMs, runMs, serviceMs: serviceMs ?? undefined };
}

function failure([code, detail, where]: readonly unknown[]): ForwardedResult | undefined {
  if (typeof code !== "string" || !functionFailures.has(code) || typeof detail !== "string") return undefined;
  if (where !== null && typeof where !== "string") return undefined;
  const place = where === null ? {} : { where: where.slice(0, maxWhere) };
  const error = { code: code as ErrorCode, detail: detail.slice(0, maxDetail), ...place };
  if (error.code === "internal") return { kind: "broken", error };
  return { kind: "failed", error, late: error.code === "function.deadline" };
}

function refusal([index]: readonly unknown[]): ForwardedResult | undefined {
  const reason = typeof index === "number" ? refusals[index] : undefined;
  return reason === undefined ? undefined : { kind: "refused", reason };
}

/** A value that a peer sent, short and on one line, for an error message. */
function describe(value: unknown): string {
  return typeof value === "number" || typeof value === "boolean" ? String(value) : `of type ${typeof value}`;
}
