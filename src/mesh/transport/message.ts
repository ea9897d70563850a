// The messages of a link: small arrays that start with their type. A frame of a peer that is no message ends the link.

import { errorTable } from "../../core/error-codes.js";
import { type ErrorData, HerdError } from "../../core/errors.js";
import { FrameError } from "./frame.js";

/** The first element of each message. */
export const messageType = {
  /** `[hello, {…}]`: the first message of both sides. See hello.ts. */
  hello: 0,
  /**
   * `[ready, generation]`: the hello is accepted. The generation counts how often the sender lost all its connections
   * to the receiver.
   */
  ready: 1,
  /** `[notification, kind, body]`: has no response. */
  notification: 2,
  /** `[request, id, kind, body]` */
  request: 3,
  /** `[response, id, body]` */
  response: 4,
  /** `[failure, id, ErrorData]`: the response to a request that failed. */
  failure: 5,
  /** `[cancel, id]`: the sender of the request waits for its response no more. */
  cancel: 6,
  /** `[ping, token]`, `[pong, token]`: keep-alive, and the round-trip time. */
  ping: 7,
  pong: 8,
  /** `[leave]`: the sender sends no more requests on this connection, since there is a better one. */
  leave: 9,
  /**
   * `[bye, reason, records?, at?]`: the last message. A refusal in the handshake carries a revocation proof (records)
   * and the sender's clock (epoch ms).
   */
  bye: 10,
} as const;

/** The longest name of a kind, and the longest texts of a peer's error, in UTF-16 units; the most diagnostics. */
const kindLimit = 64;
const reasonLimit = 300;
const detailLimit = 4_096;
const whereLimit = 512;
const diagnosticsLimit = 200;

/** A decoded frame as a message: its type and its other elements. Throws {@link FrameError} when it is none. */
export function messageOf(value: unknown): readonly unknown[] & { readonly 0: number } {
  if (!Array.isArray(value) || value.length === 0 || value.length > 4 || typeof value[0] !== "number") {
    throw new FrameError("a frame holds no message");
  }
  return value as unknown as readonly unknown[] & { readonly 0: number };
}

/** The id of a request. Throws {@link FrameError}. */
export function idOf(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) > 0) return value as number;
  throw new FrameError("a message has no id");
}

/** The kind of a request or notification. Throws {@link FrameError}. */
export function kindOf(value: unknown): string {
  if (typeof value === "string" && value.length > 0 && value.length <= kindLimit) return value;
  throw new FrameError("a message has no kind");
}

/** The reason in a peer's message, cut to what may stand in a log line. */
export function reasonOf(value: unknown): string {
  return typeof value === "string" ? printable(value.slice(0, reasonLimit)) : "no reason given";
}

/** An error as it is sent to a peer. An error that is no HerdError is sent as `internal`, without its text. */
export function failureOf(error: unknown): ErrorData {
  if (!(error instanceof HerdError)) return { code: "internal", detail: "the peer failed" };
  const data = error.toData();
  return {
    code: data.code,
    detail: data.detail.slice(0, detailLimit),
    ...(data.where === undefined ? {} : { where: data.where.slice(0, whereLimit) }),
    ...(data.diagnostics === undefined ? {} : { diagnostics: data.diagnostics.slice(0, diagnosticsLimit) }),
    ...(data.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: data.retryAfterSeconds }),
  };
}

/** The error in a peer's failure, every field bounded; an unknown code becomes `internal`. */
export function errorOf(value: unknown): HerdError {
  const data = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  const { code, detail, where, diagnostics, retryAfterSeconds } = data;
  const known = typeof code === "string" && Object.hasOwn(errorTable, code);
  const seconds = typeof retryAfterSeconds === "number" && retryAfterSeconds >= 0 && retryAfterSeconds <= 86_400;
  return HerdError.fromData({
    code: known ? (code as ErrorData["code"]) : "internal",
    detail: known && typeof detail === "string" ? detail.slice(0, detailLimit) : "the peer failed",
    ...(typeof where === "string" ? { where: where.slice(0, whereLimit) } : {}),
    ...(Array.isArray(diagnostics)
      ? { diagnostics: diagnostics.slice(0, diagnosticsLimit).flatMap(diagnosticOf) }
      : {}),
    ...(seconds ? { retryAfterSeconds: Math.ceil(retryAfterSeconds as number) } : {}),
  });
}

function diagnosticOf(value: unknown): NonNullable<ErrorData["diagnostics"]> {
  if (typeof value !== "object" || value === null) return [];
  const { file, line, column, message, source } = value as Record<string, unknown>;
  if (typeof line !== "number" || typeof column !== "number") return [];
  const text = (field: unknown): string => (typeof field === "string" ? field.slice(0, detailLimit) : "");
  return [{ file: text(file), line, column, message: text(message), source: text(source) }];
}

/** Text from outside with a space for each control, format and line-separator character. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " ");
}
