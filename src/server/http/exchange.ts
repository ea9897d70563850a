// One request and its response as an endpoint sees them, away from the hot path: from a client, or relayed by a peer.

import { HerdError } from "../../core/errors.js";
import type { Claims } from "../../pki/tokens/claims.js";

/** What an endpoint reads. */
export interface Incoming {
  readonly method: string;
  /** Percent-encoded, without the query. */
  readonly path: string;
  /** As it came, without the question mark; empty when there is none. */
  readonly query: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Parameters of the path, percent-encoded. */
  readonly parameters: Readonly<Record<string, string>>;
  /** The client's IP address; for a relayed request, as the relaying node tells it. */
  readonly remoteAddress: string;
  /** Id of the node at which the client asked. */
  readonly arrivedAt: string;
  /** `https://host:port` of that node: what URLs in answers start with. */
  readonly baseUrl: string;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** The whole body; read once. Throws `request.too-large`. */
  body(limitBytes: number): Promise<Buffer>;
}

/** What an endpoint answers through; only the first answer counts. */
export interface Outgoing {
  /** Sets a header of the answer to come. */
  header(name: string, value: string): void;
  /** Answers with a body of that media type. */
  send(status: number, content: Content): void;
  /** Answers 204. */
  empty(): void;
  /** Answers with an error's problem document. */
  problem(error: unknown): void;
  /**
   * Answers 200 with a body without end, into which `heartbeat`, which says nothing in that media type, goes every few seconds.
   * Throws TypeError where an answer has to end: in a relayed exchange.
   */
  stream(type: string, heartbeat: string): OutgoingStream;
}

/** A body and its media type. */
export interface Content {
  readonly type: string;
  readonly body: string | Uint8Array;
}

/** A body that goes on; a reader that falls far behind is cut off. */
export interface OutgoingStream {
  write(text: string): void;
  /** Calls `closed` once, when the reader is gone. */
  onClose(closed: () => void): void;
}

/** What an endpoint reads from and answers to. */
export class Exchange {
  readonly incoming: Incoming;
  readonly outgoing: Outgoing;
  /** The token's claims; undefined where the endpoint needs none, and for the owner's secret. */
  readonly claims: Claims | undefined;
  #body: Promise<Buffer> | undefined;

  constructor(incoming: Incoming, outgoing: Outgoing, claims?: Claims) {
    this.incoming = incoming;
    this.outgoing = outgoing;
    this.claims = claims;
  }

  /** Aborts when the client goes away. */
  get signal(): AbortSignal {
    return this.incoming.signal;
  }

  /** The client's IP address. */
  get remoteAddress(): string {
    return this.incoming.remoteAddress;
  }

  /** Id of the node at which the client asked: this one, or the peer that relayed. */
  get arrivedAt(): string {
    return this.incoming.arrivedAt;
  }

  /** A parameter of the path. Throws `request.malformed` when it cannot be decoded. */
  parameter(name: string): string {
    return decodedParameter(this.incoming.parameters[name]);
  }

  /** A parameter of the query; undefined when absent. Throws `request.malformed` when it is repeated. */
  query(name: string): string | undefined {
    const { query } = this.incoming;
    if (query.includes("%")) checkQuery(query);
    const values = new URLSearchParams(query).getAll(name);
    if (values.length < 2) return values[0];
    throw new HerdError("request.malformed", `the query parameter ${name} is given more than once`);
  }

  /** A query parameter that is `true` or `false`. */
  flag(name: string): boolean | undefined {
    const value = this.query(name);
    if (value === undefined) return undefined;
    if (value === "true" || value === "") return true;
    if (value === "false") return false;
    throw new HerdError("request.malformed", `the query parameter ${name} is true or false`);
  }

  /** A query parameter that is a whole number of at most six digits; `otherwise` when absent. */
  count(name: string, otherwise: number): number {
    const text = this.query(name);
    if (text === undefined) return otherwise;
    if (!/^[0-9]{1,6}$/.test(text)) throw new HerdError("request.malformed", `${name} is a number, at most 999999`);
    return Number(text);
  }

  /** The body, bounded while it arrives; it is kept, so that it can be read again. */
  async body(limitBytes: number): Promise<Buffer> {
    this.#body ??= this.incoming.body(limitBytes);
    const body = await this.#body;
    if (body.length > limitBytes) throw tooLarge(limitBytes);
    return body;
  }

  /** The body as JSON; undefined when there is none. Throws `request.malformed`. */
  async json(limitBytes = 65_536): Promise<unknown> {
    const body = await this.body(limitBytes);
    if (body.length === 0) return undefined;
    try {
      return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    } catch (error) {
      throw new HerdError("request.malformed", "the body is not JSON in UTF-8", { cause: error });
    }
  }

  /** Answers with JSON. */
  answer(status: number, value: unknown): void {
    this.send(status, { type: "application/json", body: JSON.stringify(value) });
  }

  /** Answers with a body of that media type, which nobody should keep. */
  send(status: number, content: Content): void {
    this.outgoing.header("cache-control", "no-store");
    this.outgoing.header("x-content-type-options", "nosniff");
    this.outgoing.send(status, content);
  }

  /** Answers that it is done, without a body. */
  done(): void {
    this.outgoing.header("cache-control", "no-store");
    this.outgoing.empty();
  }
}

/** The error of a body over its limit. */
export function tooLarge(limitBytes: number): HerdError {
  return new HerdError("request.too-large", `the body is larger than ${limitBytes} bytes`);
}

/** A percent-decoded parameter of the path. Throws `request.malformed` when it cannot be decoded. */
export function pathParameter(
  request: { readonly path_parameters: Readonly<Record<string, string>> },
  name: string,
): string {
  return decodedParameter(request.path_parameters[name]);
}

/** Checks that a query is percent-encoded UTF-8: what is not would be read as another text. */
function checkQuery(raw: string): void {
  try {
    decodeURIComponent(raw);
  } catch (error) {
    throw new HerdError("request.malformed", "the query is not percent-encoded UTF-8", { cause: error });
  }
}

function decodedParameter(raw = ""): string {
  if (!raw.includes("%")) return raw;
  try {
    return decodeURIComponent(raw);
  } catch (error) {
    throw new HerdError("request.malformed", "the path is not percent-encoded UTF-8", { cause: error });
  }
}
