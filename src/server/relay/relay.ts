// What only some nodes may do, passed on to one that may: the same request, answered by the same endpoint, one node further.

import { z } from "zod";
import { HerdError } from "../../core/errors.js";
import type { Exchange } from "../http/exchange.js";

/**
 * Where an endpoint acts: at any master, at any node with the deploy mark, at one node (by id), or at a master that is none of
 * these (by id).
 */
export type Where = "master" | "deployer" | { readonly node: string } | { readonly masterExcept: readonly string[] };

/** A client's request on its way to a peer. */
export interface RelayedRequest {
  readonly method: string;
  /** Path and query, as they came. */
  readonly target: string;
  /** `authorization`, `content-type` and `content-encoding`, as far as they came. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The client's IP address. */
  readonly remoteAddress: string;
  /** `https://host:port` of the relaying node. */
  readonly baseUrl: string;
}

/** A peer's answer on its way back. */
export interface RelayedResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Finds the peer that may, and asks it. */
export interface Relay {
  /** Whether this node may act for that. */
  isHere(where: Where): boolean;
  /**
   * The answer of a live peer that may; of any shape, since a peer sent it. Throws `node.overloaded`, with what is missing, when
   * there is none, and `node.unknown`.
   */
  ask(where: Where, request: RelayedRequest, signal: AbortSignal): Promise<unknown>;
}

/** The largest body that travels between nodes, in bytes: what one frame holds beside its head. */
export const relayedBodyBytes = 8 * 1024 * 1024;

const relayedHeaders = ["authorization", "content-type", "content-encoding"] as const;
const headerValue = z.string().max(8_192);

const responseShape = z.object({
  status: z.number().int().min(200).max(599),
  headers: z.record(z.string().max(64), headerValue),
  body: z.instanceof(Uint8Array).refine((body) => body.length <= relayedBodyBytes),
});

/** Headers of an answer that travel back; the node that the client asked sets the rest itself. */
const returnedHeader =
  /^(content-type|cache-control|x-content-type-options|retry-after|www-authenticate|herd-[a-z-]+)$/;

/** A peer's answer, parsed. Throws `internal` for one that is none. */
export function relayedResponse(answer: unknown): RelayedResponse {
  const parsed = responseShape.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new HerdError("internal", "", { cause: new Error("a peer's answer has no shape", { cause: parsed.error }) });
}

/** Has a peer answer the exchange. Throws as {@link Relay.ask}, `request.too-large`, and `internal` for an answer that is none. */
export async function relayExchange(
  exchange: Exchange,
  { relay, where, bodyLimitBytes }: { readonly relay: Relay; readonly where: Where; readonly bodyLimitBytes: number },
): Promise<void> {
  const { incoming, outgoing } = exchange;
  const headers: Record<string, string> = {};
  for (const name of relayedHeaders) {
    const value = incoming.headers[name];
    if (value !== undefined) headers[name] = value;
  }
  const limitBytes = Math.min(bodyLimitBytes, relayedBodyBytes);
  const answer = await relay.ask(
    where,
    {
      // A HEAD is answered here, from what GET gives there.
      method: incoming.method === "HEAD" ? "GET" : incoming.method,
      target: incoming.query === "" ? incoming.path : `${incoming.path}?${incoming.query}`,
      headers,
      body:
        incoming.method === "GET" || incoming.method === "HEAD" ? new Uint8Array() : await exchange.body(limitBytes),
      remoteAddress: incoming.remoteAddress,
      baseUrl: incoming.baseUrl,
    },
    exchange.signal,
  );
  const response = relayedResponse(answer);
  let type = "application/octet-stream";
  for (const [name, value] of Object.entries(response.headers)) {
    if (!returnedHeader.test(name) || !/^[\x20-\x7e]*$/.test(value)) continue;
    if (name === "content-type") type = value;
    else outgoing.header(name, value);
  }
  if (response.status === 204) outgoing.empty();
  else outgoing.send(response.status, { type, body: response.body });
}
