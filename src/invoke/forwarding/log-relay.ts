// Log lines of calls that run here for a peer go home to it; lines of calls that run at a peer come home to us.

import type { Limits } from "../../core/limits.js";
import { type LogLevel, logLevels } from "../../core/log-ring.js";
import type { From, Link, Links } from "../../mesh/ports.js";

/** What a sandbox says of a guest's line, as far as its way home needs it. */
export interface GuestLine {
  readonly invocation: string;
  readonly level: LogLevel;
  readonly message: string;
}

/** A line of a call that ran at a peer. */
export interface PeerLine extends GuestLine {
  readonly nodeId: string;
  readonly app: string;
  readonly revision: string;
  readonly function: string;
}

/** A call that is away. */
export type RemoteCall = Omit<PeerLine, "level" | "message">;

/** What {@link LogRelay} works with. */
export interface LogRelayOptions {
  readonly links: Links;
  readonly limits: Pick<Limits, "logLines" | "logLineBytes">;
  /** Takes a line that came home. */
  readonly onLine: (line: PeerLine) => void;
}

interface Origin {
  readonly link: Link;
  /** The id that the first node gave the call; here it has another, so that no peer can name one of our own calls. */
  readonly invocation: string;
}

/** The calls that run here for peers, and those that run at peers for us. */
export class LogRelay {
  readonly #options: LogRelayOptions;
  readonly #here = new Map<string, Origin>();
  readonly #away = new Map<string, { readonly call: RemoteCall; lines: number }>();
  #started = false;

  constructor(options: LogRelayOptions) {
    this.#options = options;
  }

  /** Listens; call it before the links start. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#options.links.handle("log", (body, from) => this.#heard(body, from));
  }

  /** The call with that id, which is this node's own name for it, runs here for the node at the other end of a link. */
  began(invocation: string, origin: Origin): void {
    this.#here.set(invocation, origin);
  }

  /** It ended. */
  ended(invocation: string): void {
    this.#here.delete(invocation);
  }

  /** Whose call it is; undefined for this node's own. */
  originOf(invocation: string): Link | undefined {
    return this.#here.get(invocation)?.link;
  }

  /** Sends a line home when it belongs to a peer's call; false when it is ours to keep, also because that peer is gone. */
  relay({ invocation, level, message }: GuestLine): boolean {
    const origin = this.#here.get(invocation);
    return origin?.link.notify("log", [origin.invocation, level, message]) === true;
  }

  /** A call of ours is at a peer, until the function that is returned is called. */
  sent(call: RemoteCall): () => void {
    const entry = { call, lines: 0 };
    this.#away.set(call.invocation, entry);
    return () => {
      // A call that was sent on meanwhile has another entry.
      if (this.#away.get(call.invocation) === entry) this.#away.delete(call.invocation);
    };
  }

  /** A peer can add lines to the calls that it has of us, each within the limits of a guest, and to nothing else. */
  #heard(body: unknown, { peer: { nodeId } }: From): void {
    if (!Array.isArray(body) || body.length !== 3) return;
    const [invocation, level, message] = body as unknown[];
    if (typeof invocation !== "string" || typeof message !== "string" || !isLevel(level)) return;
    const entry = this.#away.get(invocation);
    const { logLines, logLineBytes } = this.#options.limits;
    // One more than the limit: the line that says how many were dropped.
    if (entry === undefined || entry.call.nodeId !== nodeId || entry.lines > logLines) return;
    entry.lines++;
    this.#options.onLine({ ...entry.call, level, message: message.slice(0, logLineBytes) });
  }
}

function isLevel(value: unknown): value is LogLevel {
  return logLevels.some((level) => level === value);
}
