// One request as endpoints see it, away from the hot path: from a client, or relayed by a peer.

import { HerdError } from "../../core/errors.js";

/** A request. */
export interface HttpRequest {
  readonly method: string;
  /** Percent-encoded, without the query. */
  readonly path: string;
  /** As it came, without the question mark; empty when there is none. */
  readonly query: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The client's IP address; of a relayed request, as the relaying node names it. */
  readonly remoteAddress: string;
  /** Id of the node at which the client asked: this one, or the peer that relayed. */
  readonly arrivedAt: string;
  /** `https://host:port` of that node: what URLs in answers start with. */
  readonly baseUrl: string;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
  /** The whole body, bounded while it arrives; it is kept, and can be read again. Throws `request.too-large`. */
  body(limitBytes: number): Promise<Buffer>;
}

/** Reads a body once, and keeps it: what `HttpRequest.body` does, from a source that can be read once. */
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
