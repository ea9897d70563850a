// A request as endpoints read it, off the hot path: from a client, or relayed by a peer.

import { HerdError } from "../../core/errors.js";

/** A request. */
export interface HttpRequest {
  readonly method: string;
  /** Percent-encoded, without the query. */
  readonly path: string;
  /** Percent-encoded, without the question mark; empty without a query. */
  readonly query: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The client's IP address; of a relayed request, as the relaying node names it. */
  readonly remoteAddress: string;
  /** Id of the node that received the request from the client: this node, or the peer that relayed. */
  readonly arrivedAt: string;
  /** `https://host:port` of that node: the start of URLs in answers. */
  readonly baseUrl: string;
  /** Aborts when the client disconnects. */
  readonly signal: AbortSignal;
  /** The whole body, bounded while it arrives; a second call returns the same body. Throws `request.too-large`. */
  body(limitBytes: number): Promise<Buffer>;
}

/** An `HttpRequest.body` over a source that can be read once: reads the body at the first call, and keeps it. */
export function keptBody(read: (limitBytes: number) => Promise<Buffer>): HttpRequest["body"] {
  let kept: Promise<Buffer> | undefined;
  return async (limitBytes) => {
    kept ??= read(limitBytes);
    const body = await kept;
    if (body.length > limitBytes) throw tooLarge(limitBytes);
    return body;
  };
}

/** The error of a body over its limit. */
export function tooLarge(limitBytes: number): HerdError {
  return new HerdError("request.too-large", `the body is larger than ${limitBytes} bytes`);
}

/** A percent-decoded parameter of a path. Throws `request.malformed` when it cannot be decoded. */
export function decodedParameter(raw = ""): string {
  if (!raw.includes("%")) return raw;
  try {
    return decodeURIComponent(raw);
  } catch (error) {
    throw new HerdError("request.malformed", "the path is not percent-encoded UTF-8", { cause: error });
  }
}
