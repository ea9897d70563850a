// Requests and notifications of a peer while their handlers run.

import { HerdError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import type { From, Handler, Link, PeerIdentity } from "../ports.js";

/**
 * The most requests and notifications of one connection whose handlers run at a time. Above this a request is refused
 * as `node.overloaded`, and a notification dropped. Lower bounds the memory that a peer holds here; higher lets a busy
 * peer have more calls under way.
 */
const incomingLimit = 4_096;

/** Receives the result of each request, and a call when its handler has ended. None of these throws. */
export interface Responses {
  response(id: number, body: unknown): void;
  failure(id: number, error: unknown): void;
  settled(): void;
}

/** A request, or a notification with id 0, whose handler may still run. Its signal is made when first read. */
class Incoming implements From {
  readonly peer: PeerIdentity;
  readonly link: Link;
  readonly id: number;
  #abort: AbortController | undefined;
  #aborted = false;

  constructor(id: number, link: Link, peer: PeerIdentity) {
    this.id = id;
    this.link = link;
    this.peer = peer;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#aborted) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  abort(): void {
    this.#aborted = true;
    this.#abort?.abort();
  }
}

/** Runs the handlers of one connection. Each request gets one response, and none once it was cancelled. */
export class IncomingMessages {
  readonly #responses: Responses;
  readonly #log: Logger | undefined;
  readonly #requests = new Map<number, Incoming>();
  readonly #notifications = new Set<Incoming>();

  constructor(responses: Responses, log: Logger | undefined) {
    this.#responses = responses;
    this.#log = log;
  }

  /** Requests whose handlers run. */
  get requests(): number {
    return this.#requests.size;
  }

  /** Whether {@link incomingLimit} is reached. */
  get full(): boolean {
    return this.#requests.size + this.#notifications.size >= incomingLimit;
  }

  /** Whether the handler of the request with this id runs. */
  has(id: number): boolean {
    return this.#requests.has(id);
  }

  /** Runs the handler of a request. */
  request(message: { id: number; kind: string; body: unknown }, handler: Handler, link: Link): void {
    const { id, kind } = message;
    const incoming = new Incoming(id, link, link.peer);
    let outcome: unknown;
    try {
      outcome = handler(message.body, incoming);
    } catch (error) {
      this.#fail(incoming, kind, error);
      return;
    }
    if (!isPromise(outcome)) {
      this.#responses.response(id, outcome);
      return;
    }
    this.#requests.set(id, incoming);
    outcome.then(
      (answer) => {
        this.#requests.delete(id);
        if (!incoming.aborted) this.#responses.response(id, answer);
        this.#responses.settled();
      },
      (error: unknown) => {
        this.#requests.delete(id);
        if (!incoming.aborted) this.#fail(incoming, kind, error);
        this.#responses.settled();
      },
    );
  }

  /** Runs the handler of a notification. */
  notification(message: { kind: string; body: unknown }, handler: Handler, link: Link): void {
    const incoming = new Incoming(0, link, link.peer);
    const failed = (cause: unknown): void => {
      if (!incoming.aborted) this.#log?.debug(`a ${message.kind} message of ${link.peer.nodeId} failed`, { cause });
    };
    try {
      const outcome = handler(message.body, incoming);
      if (!isPromise(outcome)) return;
      this.#notifications.add(incoming);
      outcome.then(undefined, failed).finally(() => this.#notifications.delete(incoming));
    } catch (error) {
      failed(error);
    }
  }

  /** The peer cancelled a request. The request counts until its handler ends. */
  cancel(id: number): void {
    this.#requests.get(id)?.abort();
  }

  /** The connection ended. */
  abortAll(): void {
    for (const incoming of this.#requests.values()) incoming.abort();
    for (const incoming of this.#notifications) incoming.abort();
  }

  #fail(incoming: Incoming, kind: string, error: unknown): void {
    // A HerdError is for the caller to act on; any other error is a defect of this node.
    if (!(error instanceof HerdError)) this.#log?.error(`answering ${kind} failed`, { cause: error, repeat: "" });
    this.#responses.failure(incoming.id, error);
  }
}

function isPromise(value: unknown): value is Promise<unknown> {
  return value instanceof Promise;
}
