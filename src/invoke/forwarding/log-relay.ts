// Relay of log lines: lines of a call that runs here for a peer go to that peer; lines of a call that runs at a peer
// come here.

import type { CallLog } from "../../../runtime/sandbox/call.js";
import type { Limits } from "../../core/limits.js";
import { type LogLevel, logLevels } from "../../core/log-ring.js";
import type { From, Link, Links } from "../../mesh/ports.js";
import type { ForwardedCall } from "./forwarded-call.js";

/** A call at the node that runs it. */
export interface PlacedCall {
  readonly nodeId: string;
  readonly app: string;
  readonly revision: string;
  readonly function: string;
  readonly invocation: string;
}

/** A log line of a call that was forwarded. */
export interface PeerLine extends PlacedCall {
  readonly level: LogLevel;
  readonly message: string;
}

/** Dependencies of {@link LogRelay}. */
export interface LogRelayOptions {
  /** This node's id. */
  readonly nodeId: string;
  readonly links: Links;
  readonly limits: Pick<Limits, "logLines" | "logLineBytes">;
  /** Takes a received line, and one that this node keeps. */
  readonly onLine: (line: PeerLine) => void;
}

/** The lines of calls that run here for peers, and of this node's calls that run at peers. */
export class LogRelay {
  readonly #options: LogRelayOptions;
  readonly #away = new Map<string, { readonly call: PlacedCall; lines: number }>();
  #started = false;

  constructor(options: LogRelayOptions) {
    this.#options = options;
  }

  /** Registers the handler. To be called before the links start. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#options.links.handle("log", (body, from) => this.#receive(body, from));
  }

  /**
   * The log of a peer's call that runs here as `id`: its lines go over the link that the call came by, under the id
   * that its first node gave it, and are kept here once that node is gone. The call has another id here, so that no
   * peer can name one of this node's own calls.
   */
  logFor(call: ForwardedCall, { id, link }: { readonly id: string; readonly link: Link }): CallLog {
    return {
      line: (level, message) => {
        if (link.notify("log", [call.id, level, message])) return;
        const { app, revision, function: name } = call;
        const { nodeId } = this.#options;
        this.#options.onLine({ nodeId, app, revision, function: name, invocation: id, level, message });
      },
    };
  }

  /** Records that a call of this node runs at a peer, until the returned function is called. */
  sent(call: PlacedCall): () => void {
    const entry = { call, lines: 0 };
    this.#away.set(call.invocation, entry);
    return () => {
      // A call that was retried at another peer meanwhile has a new entry.
      if (this.#away.get(call.invocation) === entry) this.#away.delete(call.invocation);
    };
  }

  /**
   * Receives a line. A peer can add lines only to calls that it runs for this node, each within the limits of a guest.
   */
  #receive(body: unknown, { peer: { nodeId } }: From): void {
    if (!Array.isArray(body) || body.length !== 3) return;
    const [invocation, level, message] = body as unknown[];
    if (typeof invocation !== "string" || typeof message !== "string" || !isLevel(level)) return;
    const entry = this.#away.get(invocation);
    const { logLines, logLineBytes } = this.#options.limits;
    // One line more than the limit: the last line states how many lines were dropped.
    if (entry === undefined || entry.call.nodeId !== nodeId || entry.lines > logLines) return;
    entry.lines++;
    this.#options.onLine({ ...entry.call, level, message: message.slice(0, logLineBytes) });
  }
}

function isLevel(value: unknown): value is LogLevel {
  return logLevels.some((level) => level === value);
}
