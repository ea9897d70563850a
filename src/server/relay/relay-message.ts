// Relays a request to a node that may answer it: the same request, answered by the same endpoint, one node further.

import * as z from "zod";
import { HerdError } from "../../core/errors.js";
import { Content, type HttpAnswer } from "../http/http-answer.js";
import type { RequestElsewhere, Where } from "../http/place.js";

/** A client's request on its way to a peer. */
export interface RelayedRequest {
  readonly method: string;
  /** Path and query, unchanged. */
  readonly target: string;
  /** Those of `authorization`, `content-type` and `content-encoding` that the client sent. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The client's IP address. */
  readonly remoteAddress: string;
  /** `https://host:port` of the relaying node. */
  readonly baseUrl: string;
}

/** A peer's answer on its way back. */
export interface RelayedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Finds a peer that may answer, and requests the answer. */
export interface Relay {
  /** Whether this node may act at that place. */
  isHere(where: Where): boolean;
  /**
   * The answer of a live peer that may act; of any shape, since a peer sent it. Throws `node.unavailable`, with the
   * missing mark or node, when no such peer can be reached.
   */
  request(where: Where, request: RelayedRequest, signal: AbortSignal): Promise<unknown>;
}

/** The largest body between nodes, in bytes: a frame holds this much and its head. */
export const relayedBodyBytes = 8 * 1024 * 1024;

const relayedHeaders = ["authorization", "content-type", "content-encoding"] as const;

const answerShape = z.object({
  status: z.number().int().min(200).max(599),
  headers: z.record(z.string().max(64), z.string().max(8_192)),
  body: z.instanceof(Uint8Array).refine((body) => body.length <= relayedBodyBytes),
});

/** Headers of an answer that are relayed back; the node that the client uses sets the others itself. */
const returnedHeader = /^(cache-control|x-content-type-options|retry-after|www-authenticate|herd-[a-z-]+)$/;

/** A peer's answer, parsed. Throws `internal` for a value that is no answer. */
export function relayedAnswer(value: unknown): RelayedAnswer {
  const parsed = answerShape.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new HerdError("internal", "", { cause: new Error("a peer's answer has no shape", { cause: parsed.error }) });
}

/**
 * Relays a request, and resolves to the peer's answer. Throws as {@link Relay.request}, `request.too-large`, and
 * `internal` when the peer's value is no answer.
 */
export async function relayRequest(
  { where, http, bodyLimitBytes }: RequestElsewhere,
  relay: Relay,
): Promise<HttpAnswer> {
  const headers: Record<string, string> = {};
  for (const name of relayedHeaders) {
    const value = http.headers[name];
    if (value !== undefined) headers[name] = value;
  }
  // The peer answers GET; this node answers HEAD with the status and headers of that answer.
  const method = http.method === "HEAD" ? "GET" : http.method;
  const body = method === "GET" ? new Uint8Array() : await http.body(Math.min(bodyLimitBytes, relayedBodyBytes));
  const target = http.query === "" ? http.path : `${http.path}?${http.query}`;
  const { remoteAddress, baseUrl } = http;
  const answer = await relay.request(where, { method, target, headers, body, remoteAddress, baseUrl }, http.signal);
  return httpAnswerOf(relayedAnswer(answer));
}

function httpAnswerOf({ status, headers, body }: RelayedAnswer): HttpAnswer {
  const isSafe = (value: string): boolean => /^[\x20-\x7e]*$/.test(value);
  const returned = Object.entries(headers).filter(([name, value]) => returnedHeader.test(name) && isSafe(value));
  const { "content-type": type = "" } = headers;
  const content = new Content(type !== "" && isSafe(type) ? type : "application/octet-stream", body);
  return { status, headers: Object.fromEntries(returned), body: status === 204 ? undefined : content };
}
