// One connection to a peer: the handshake, then messages both ways, until something ends it.

import { HerdError } from "../../core/errors.js";
import { type Connection, type Link, LinkBroken, type PeerIdentity, type RequestOptions } from "../ports.js";
import type { ChannelContext } from "./channel-context.js";
import { decodeFrame, encodeFrame, FrameError } from "./frame.js";
import { Handshake } from "./handshake.js";
import { type Hello, timeOf } from "./hello.js";
import { IncomingMessages } from "./incoming.js";
import { KeepAlive } from "./keep-alive.js";
import { errorOf, failureOf, idOf, kindOf, messageOf, messageType, reasonOf } from "./message.js";
import { PendingRequests } from "./pending-requests.js";

/** Receives what becomes of a connection. `ended` comes once, also for a connection that never opened. */
export interface ChannelEvents {
  /** Both sides accepted each other. The receiver sets {@link Channel.link}, unless it ended the connection. */
  opened(channel: Channel): void;
  ended(channel: Channel, reason: string): void;
}

/** The protocol of one connection. Other parts use it through a {@link Link}. */
export class Channel {
  readonly peer: PeerIdentity;
  /** When the certificate of either side ends, epoch ms: the same number on both sides. */
  readonly validUntil: number;
  /** The address that was dialled, `undefined` when the peer dialled. */
  readonly dialledTo: string | undefined;
  /** The link that this connection carries, set when it opens. */
  link: Link | undefined;
  readonly #connection: Connection;
  readonly #context: ChannelContext;
  readonly #events: ChannelEvents;
  readonly #requests: PendingRequests;
  readonly #incoming: IncomingMessages;
  readonly #keepAlive: KeepAlive;
  readonly #handshake: Handshake;
  #state: "new" | "handshake" | "open" | "ended" = "new";
  #left = false;
  #peerLeft = false;
  #cancelLeaving: (() => void) | undefined;
  #cancelExpiry: (() => void) | undefined;

  /** `dialled`: the address, and the count of this dial among those of this process; absent when the peer dialled. */
  constructor(
    connection: Connection,
    options: { dialled?: { address: string; dial: number }; context: ChannelContext; events: ChannelEvents },
  ) {
    const { context, dialled } = options;
    this.#connection = connection;
    this.#context = context;
    this.#events = options.events;
    this.peer = connection.peer;
    this.validUntil = Math.min(connection.peer.notAfter, connection.ownNotAfter);
    this.dialledTo = dialled?.address;
    this.#handshake = new Handshake({
      context,
      peer: this.peer,
      dial: dialled?.dial ?? 0,
      address: this.dialledTo ?? connection.remote,
      send: (message) => this.#send(message),
      isTrusted: () => this.#state === "handshake" && this.#trusted(),
      complete: () => this.#open(),
      refuse: (reason) => this.refuse(reason),
      end: (reason) => this.end(reason),
    });
    this.#requests = new PendingRequests({ ...context, cancelled: (id) => this.#send([messageType.cancel, id]) });
    this.#incoming = new IncomingMessages(
      {
        response: (id, body) => this.#respond(id, body),
        failure: (id, error) => this.#reply([messageType.failure, id, failureOf(error)]),
        settled: () => this.#endIfLeft(),
      },
      context.log,
    );
    this.#keepAlive = new KeepAlive(connection, {
      ...context,
      ping: (token) => this.#send([messageType.ping, token]),
      gone: (reason) => this.end(reason, { abrupt: true }),
    });
  }

  /** The peer's hello; from `opened` on. */
  get hello(): Hello {
    if (this.#handshake.hello === undefined) throw new TypeError("a connection was used before its hello");
    return this.#handshake.hello;
  }

  /** The node that dialled, and the count of this dial among its dials. */
  get dial(): { readonly node: string; readonly count: number } {
    if (this.dialledTo !== undefined) return { node: this.#context.nodeId, count: this.#handshake.ownDial };
    return { node: this.peer.nodeId, count: this.hello.dial };
  }

  /** The generations that this node and the peer sent in the handshake; from `opened` on. */
  get generations(): { readonly own: number | undefined; readonly peer: number | undefined } {
    return this.#handshake.generations;
  }

  get rttMs(): number | undefined {
    return this.#keepAlive.rttMs;
  }

  /** Whether both sides had left this connection, so that its end loses nothing. */
  get isDrained(): boolean {
    return this.#left && this.#peerLeft;
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Begins the handshake. To be called in the turn of the event loop in which the connection came. */
  start(): void {
    this.#state = "handshake";
    this.#connection.receive({
      frame: (bytes) => this.#receive(bytes),
      drained: () => this.#connection.resume(),
      closed: (reason) => this.#end(reason),
    });
    if (this.peer.nodeId === this.#context.nodeId) {
      this.end("this node met itself");
      return;
    }
    this.#watchExpiry();
    this.#handshake.start();
  }

  /** As {@link Link.notify}. */
  notify(kind: string, body: unknown): boolean {
    if (!this.#usable()) return false;
    return this.#send([messageType.notification, kind, body]);
  }

  /** As {@link Link.request}. */
  request(kind: string, body: unknown, options: RequestOptions): Promise<unknown> {
    if (!this.#usable()) return Promise.reject(new LinkBroken("the link has ended"));
    const id = this.#requests.nextId();
    const frame = encodeFrame([messageType.request, id, kind, body]);
    if (!this.#sendFrame(frame)) return Promise.reject(new LinkBroken("the link's queue is full"));
    // A node that waits for a response must read.
    this.#connection.resume();
    return this.#requests.wait(id, kind, options);
  }

  /** There is a better connection: sends no more requests here, and ends this one when no request is pending on it. */
  leave(): void {
    if (this.#left || this.#state !== "open") return;
    this.#left = true;
    this.#send([messageType.leave]);
    this.#cancelLeaving = this.#context.timers.after(this.#context.limits.leaveMs, () => this.end("it was replaced"));
    this.#endIfLeft();
  }

  /** Ends the connection and sends the peer the reason; when `abrupt`, at once and with nothing more sent. */
  end(reason: string, options: { readonly abrupt?: boolean } = {}): void {
    if (this.#state === "ended") return;
    if (options.abrupt !== true) this.#send([messageType.bye, reason]);
    this.#connection.close(reason, options);
    this.#end(reason);
  }

  /**
   * Ends the handshake with a peer that may not be linked: sends the reason, records that prove it, and the time here.
   */
  refuse(reason: string, records: readonly string[] = []): void {
    if (this.#state === "ended") return;
    this.#send([messageType.bye, reason, records, this.#context.clock.now()]);
    this.#connection.close(reason);
    this.#handshake.reportRefusal({ by: "this node", reason, at: this.#handshake.hello?.at });
    this.#end(reason);
  }

  #end(reason: string): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#handshake.stop();
    this.#cancelLeaving?.();
    this.#cancelExpiry?.();
    this.#keepAlive.stop();
    this.#incoming.abortAll();
    this.#requests.breakAll(reason);
    this.#events.ended(this, reason);
  }

  #receive(bytes: Uint8Array): void {
    if (this.#state === "ended") return;
    try {
      const message = messageOf(decodeFrame(bytes));
      if (message[0] === messageType.bye) this.#receiveBye(message);
      else if (this.#state === "handshake") this.#handshake.receive(message);
      else this.#dispatch(message);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.end(error.message);
    }
  }

  #open(): void {
    this.#state = "open";
    this.#keepAlive.start();
    this.#events.opened(this);
  }

  #receiveBye([, reason, records, at]: readonly unknown[]): void {
    const inHandshake = this.#state === "handshake";
    this.#connection.close("the peer sent bye");
    if (inHandshake) this.#handshake.receiveRefusal(reasonOf(reason), timeOf(at));
    this.#end(`the peer ended it: ${reasonOf(reason)}`);
    if (inHandshake) this.#handshake.acceptProof(records);
  }

  #dispatch(message: readonly unknown[]): void {
    switch (message[0]) {
      case messageType.notification:
        this.#handleNotification(kindOf(message[1]), message[2]);
        return;
      case messageType.request:
        this.#handleRequest({ id: idOf(message[1]), kind: kindOf(message[2]), body: message[3] });
        return;
      case messageType.response:
        this.#requests.resolve(idOf(message[1]), message[2]);
        this.#endIfLeft();
        return;
      case messageType.failure:
        this.#requests.reject(idOf(message[1]), errorOf(message[2]));
        this.#endIfLeft();
        return;
      case messageType.cancel:
        this.#incoming.cancel(idOf(message[1]));
        return;
      case messageType.ping:
        if (typeof message[1] !== "number") throw new FrameError("its ping has no number");
        this.#send([messageType.pong, message[1]]);
        return;
      case messageType.pong:
        this.#keepAlive.pong(message[1]);
        return;
      case messageType.leave:
        this.#peerLeft = true;
        this.#endIfLeft();
        return;
      default:
        // A later version may send other messages. A message without an id needs no response.
        return;
    }
  }

  #handleNotification(kind: string, body: unknown): void {
    const handler = this.#context.handlers.get(kind);
    if (!this.#trusted() || handler === undefined || this.#incoming.full || this.link === undefined) return;
    this.#incoming.notification({ kind, body }, handler, this.link);
  }

  #handleRequest(message: { id: number; kind: string; body: unknown }): void {
    if (this.#incoming.has(message.id)) throw new FrameError("it used the id of a request again");
    if (!this.#trusted() || this.link === undefined) return;
    const handler = this.#context.handlers.get(message.kind);
    if (handler === undefined) {
      this.#refuse(message.id, new HerdError("internal", `the peer knows no ${message.kind}`));
    } else if (this.#incoming.full || this.#peerIsSlow()) {
      this.#refuse(
        message.id,
        new HerdError("node.overloaded", "too many requests at a time", { retryAfterSeconds: 1 }),
      );
    } else {
      this.#incoming.request(message, handler, this.link);
    }
  }

  /**
   * Whether the peer leaves too much unread. Back-pressure: its next requests then stay unread here, unless a request
   * of ours is pending. Its response stands among them, and two peers that both stopped reading would wait for each
   * other for ever.
   */
  #peerIsSlow(): boolean {
    if (this.#connection.queuedBytes <= this.#context.limits.fullBytes) return false;
    if (this.#requests.size === 0) this.#connection.pause();
    return true;
  }

  #refuse(id: number, error: HerdError): void {
    this.#reply([messageType.failure, id, failureOf(error)]);
  }

  #respond(id: number, body: unknown): void {
    let frame: Uint8Array;
    try {
      frame = encodeFrame([messageType.response, id, body]);
    } catch (cause) {
      this.#context.log?.error("a response could not be sent", { cause, repeat: this.peer.nodeId });
      this.#refuse(id, new HerdError("internal", "the peer failed"));
      return;
    }
    if (!this.#sendFrame(frame)) this.end("it leaves too many responses unread", { abrupt: true });
  }

  #reply(message: readonly unknown[]): void {
    if (!this.#send(message)) this.end("it leaves too many responses unread", { abrupt: true });
  }

  #send(message: readonly unknown[]): boolean {
    return this.#sendFrame(encodeFrame(message));
  }

  #sendFrame(frame: Uint8Array): boolean {
    if (this.#state === "ended") return false;
    if (this.#connection.queuedBytes + frame.length > this.#context.limits.queueBytes) return false;
    this.#connection.send(frame);
    this.#keepAlive.sent(frame.length);
    return true;
  }

  #usable(): boolean {
    return this.#state === "open" && this.#trusted();
  }

  /** Whether the peer is trusted; ends the connection when it is not. */
  #trusted(): boolean {
    try {
      this.#context.trust.check(this.peer);
      return true;
    } catch (error) {
      // Frames that are queued on an open connection must not reach an untrusted peer.
      const reason = error instanceof Error ? error.message : "it is not trusted";
      if (this.#state === "open") this.end(reason, { abrupt: true });
      else this.refuse(reason, this.#context.revocationProof(this.peer));
      return false;
    }
  }

  #endIfLeft(): void {
    if (this.#left && this.#peerLeft && this.#requests.size === 0 && this.#incoming.requests === 0)
      this.end("it was replaced");
  }

  #watchExpiry(): void {
    // In steps: a timer stands still while a machine sleeps, and the life of a certificate does not.
    const rest = this.validUntil - this.#context.clock.now();
    if (rest <= 0) {
      this.end("a certificate of it has ended", { abrupt: true });
      return;
    }
    this.#cancelExpiry = this.#context.timers.after(Math.min(rest, 60_000), () => this.#watchExpiry());
  }
}
