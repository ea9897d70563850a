// One connection to a peer: the greeting, then messages both ways, until something ends it.

import { HerdError } from "../../core/errors.js";
import { type AskOptions, type Connection, type Link, LinkBroken, type PeerIdentity, type Refusal } from "../ports.js";
import type { ChannelContext } from "./channel-context.js";
import { decodeFrame, encodeFrame, FrameError } from "./frame.js";
import { type Hello, helloContent, isRecords, readHello, timeOf } from "./hello.js";
import { IncomingMessages } from "./incoming.js";
import { errorOf, failureOf, idOf, kindOf, messageOf, messageType, reasonOf } from "./message.js";
import { PendingAsks } from "./pending-asks.js";
import { Pulse } from "./pulse.js";

/** What becomes of a connection. `ended` comes once, also when it never opened. */
export interface ChannelEvents {
  /** Both sides accepted each other. Gives the link that messages belong to, unless it ended the connection. */
  opened(channel: Channel): void;
  ended(channel: Channel, reason: string): void;
}

/** A connection with its protocol. It is used through {@link Link}s. */
export class Channel {
  readonly peer: PeerIdentity;
  /** When the certificate of either side ends, epoch ms: the same number on both sides. */
  readonly validUntil: number;
  /** The address that was dialled, `undefined` when the peer dialled. */
  readonly dialledTo: string | undefined;
  /** The link it carries, set when it opens. */
  link: Link | undefined;
  readonly #connection: Connection;
  readonly #context: ChannelContext;
  readonly #events: ChannelEvents;
  readonly #asks: PendingAsks;
  readonly #incoming: IncomingMessages;
  readonly #pulse: Pulse;
  readonly #ownDial: number;
  #state: "new" | "greeting" | "open" | "ended" = "new";
  #hello: Hello | undefined;
  /** What both sides said in `ready`. */
  #ownGeneration: number | undefined;
  #peerGeneration: number | undefined;
  #left = false;
  #peerLeft = false;
  #cancelGreeting: (() => void) | undefined;
  #cancelLeaving: (() => void) | undefined;
  #cancelExpiry: (() => void) | undefined;

  /** `dialled` is where and as the how-manieth dial of this process, when this side dialled. */
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
    this.#ownDial = dialled?.dial ?? 0;
    this.#asks = new PendingAsks({ ...context, cancelled: (id) => this.#send([messageType.cancel, id]) });
    this.#incoming = new IncomingMessages(
      {
        answer: (id, body) => this.#answer(id, body),
        failure: (id, error) => this.#reply([messageType.failure, id, failureOf(error)]),
        settled: () => this.#endIfLeft(),
      },
      context.log,
    );
    this.#pulse = new Pulse(connection, {
      ...context,
      ping: (token) => this.#send([messageType.ping, token]),
      gone: (reason) => this.end(reason, { abrupt: true }),
    });
  }

  /** What the peer said of itself; from `opened` on. */
  get hello(): Hello {
    if (this.#hello === undefined) throw new TypeError("a connection was used before its hello");
    return this.#hello;
  }

  /** The node that dialled, and which of its dials this was. */
  get dial(): { readonly node: string; readonly count: number } {
    if (this.dialledTo !== undefined) return { node: this.#context.nodeId, count: this.#ownDial };
    return { node: this.peer.nodeId, count: this.hello.dial };
  }

  /** The generations that this node and the peer stated in the greeting; from `opened` on. */
  get generations(): { readonly own: number | undefined; readonly peer: number | undefined } {
    return { own: this.#ownGeneration, peer: this.#peerGeneration };
  }

  get rttMs(): number | undefined {
    return this.#pulse.rttMs;
  }

  /** Whether both sides had stopped using it, so that nothing was lost with it. */
  get isDrained(): boolean {
    return this.#left && this.#peerLeft;
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Greets. Call it in the turn in which the connection came. */
  start(): void {
    this.#state = "greeting";
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
    // Said before the peer is judged: the records show one whose master was revoked while it slept that it needs a new certificate.
    const { nodeId: node, instance, started, clock } = this.#context;
    const who = { node, instance, dial: this.#ownDial, at: clock.now(), started };
    this.#send([messageType.hello, helloContent(this.#context.hello(), who)]);
    if (!this.#trusted()) return;
    this.#cancelGreeting = this.#context.timers.after(this.#context.limits.greetingMs, () =>
      this.end("it was not greeted in time"),
    );
  }

  /** As {@link Link.tell}. */
  tell(kind: string, body: unknown): boolean {
    if (!this.#usable()) return false;
    return this.#send([messageType.tell, kind, body]);
  }

  /** As {@link Link.ask}. */
  ask(kind: string, body: unknown, options: AskOptions): Promise<unknown> {
    if (!this.#usable()) return Promise.reject(new LinkBroken("the link has ended"));
    const id = this.#asks.nextId();
    const frame = encodeFrame([messageType.ask, id, kind, body]);
    if (!this.#sendFrame(frame)) return Promise.reject(new LinkBroken("the link's queue is full"));
    // Who waits for an answer reads.
    this.#connection.resume();
    return this.#asks.wait(id, kind, options);
  }

  /** There is a better connection: asks for nothing more on this one, and ends it when nothing runs on it. */
  leave(): void {
    if (this.#left || this.#state !== "open") return;
    this.#left = true;
    this.#send([messageType.leave]);
    this.#cancelLeaving = this.#context.timers.after(this.#context.limits.leaveMs, () => this.end("it was replaced"));
    this.#endIfLeft();
  }

  /** Ends it, telling the peer why, with records that prove it; at once, with nothing more sent, when `abrupt`. */
  end(reason: string, options: { readonly abrupt?: boolean } = {}): void {
    if (this.#state === "ended") return;
    if (options.abrupt !== true) this.#send([messageType.bye, reason]);
    this.#connection.close(reason, options);
    this.#end(reason);
  }

  /**
   * Ends a greeting with a peer that may not be linked: tells it why, with records that prove it, and the time here.
   */
  refuse(reason: string, records: readonly string[] = []): void {
    if (this.#state === "ended") return;
    this.#send([messageType.bye, reason, records, this.#context.clock.now()]);
    this.#connection.close(reason);
    this.#tellRefusal({ by: "this node", reason, at: this.#hello?.at });
    this.#end(reason);
  }

  #tellRefusal({ at, ...refusal }: Pick<Refusal, "by" | "reason"> & { at: number | undefined }): void {
    const { clock, refused } = this.#context;
    const address = this.dialledTo ?? this.#connection.remote;
    const skewMs = at === undefined || at === 0 ? undefined : at - clock.now();
    refused({ ...refusal, node: this.peer.nodeId, address, skewMs });
  }

  #end(reason: string): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#cancelGreeting?.();
    this.#cancelLeaving?.();
    this.#cancelExpiry?.();
    this.#pulse.stop();
    this.#incoming.abortAll();
    this.#asks.breakAll(reason);
    this.#events.ended(this, reason);
  }

  #receive(bytes: Uint8Array): void {
    if (this.#state === "ended") return;
    try {
      const message = messageOf(decodeFrame(bytes));
      if (this.#state === "greeting") this.#greeted(message);
      else this.#dispatch(message);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.end(error.message);
    }
  }

  #greeted(message: readonly unknown[]): void {
    switch (message[0]) {
      case messageType.hello:
        if (this.#hello !== undefined) throw new FrameError("it said hello twice");
        this.#hello = readHello(message[1]);
        if (this.#hello.node !== this.peer.nodeId)
          throw new FrameError("its hello names another node than its certificate");
        if (this.#hello.at > 0) this.#context.greeted(this.peer, this.#hello.at - this.#context.clock.now());
        this.#accept(this.#hello).catch((error: unknown) => {
          if (error instanceof HerdError) return this.refuse(error.message);
          this.#context.log?.error("greeting a peer failed", { cause: error, repeat: this.peer.nodeId });
          return this.end("the greeting failed");
        });
        return;
      case messageType.ready:
        if (this.#hello === undefined) throw new FrameError("it was ready before its hello");
        if (!Number.isSafeInteger(message[1])) throw new FrameError("its generation is no number");
        this.#peerGeneration = message[1] as number;
        this.#openIfReady();
        return;
      case messageType.bye: {
        this.#connection.close("the peer said bye");
        const [reason, at] = [reasonOf(message[1]), timeOf(message[3])];
        if (at !== undefined) this.#tellRefusal({ by: "the peer", reason, at });
        this.#end(`the peer ended it: ${reason}`);
        this.#learnWhy(message[2]);
        return;
      }
      default:
        throw new FrameError("it did not greet first");
    }
  }

  /** What a refusal proves of this node; stores judge it, as they do whatever a stranger says. */
  #learnWhy(records: unknown): void {
    if (!isRecords(records)) return;
    this.#context.introduce(records, this.peer).catch((error: unknown) => {
      if (!(error instanceof HerdError))
        this.#context.log?.error("a peer's reasons could not be read", { cause: error, repeat: this.peer.nodeId });
    });
  }

  async #accept(hello: Hello): Promise<void> {
    await this.#context.introduce(hello.records, this.peer);
    if (this.#state !== "greeting" || !this.#trusted()) return;
    this.#ownGeneration = this.#context.generation(this.peer.nodeId);
    this.#send([messageType.ready, this.#ownGeneration]);
    this.#openIfReady();
  }

  #openIfReady(): void {
    if (this.#ownGeneration === undefined || this.#peerGeneration === undefined) return;
    this.#cancelGreeting?.();
    this.#state = "open";
    this.#pulse.start();
    this.#events.opened(this);
  }

  #dispatch(message: readonly unknown[]): void {
    switch (message[0]) {
      case messageType.tell:
        this.#handleTell(kindOf(message[1]), message[2]);
        return;
      case messageType.ask:
        this.#handleAsk({ id: idOf(message[1]), kind: kindOf(message[2]), body: message[3] });
        return;
      case messageType.answer:
        this.#asks.answer(idOf(message[1]), message[2]);
        this.#endIfLeft();
        return;
      case messageType.failure:
        this.#asks.fail(idOf(message[1]), errorOf(message[2]));
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
        this.#pulse.pong(message[1]);
        return;
      case messageType.leave:
        this.#peerLeft = true;
        this.#endIfLeft();
        return;
      case messageType.bye:
        this.#connection.close("the peer said bye");
        this.#end(`the peer ended it: ${reasonOf(message[1])}`);
        return;
      default:
        // A later version may tell more. Nobody waits for an answer to what has no id.
        return;
    }
  }

  #handleTell(kind: string, body: unknown): void {
    const handler = this.#context.handlers.get(kind);
    if (!this.#trusted() || handler === undefined || this.#incoming.full || this.link === undefined) return;
    this.#incoming.tell({ kind, body }, handler, this.link);
  }

  #handleAsk(message: { id: number; kind: string; body: unknown }): void {
    if (this.#incoming.has(message.id)) throw new FrameError("it used the id of an ask again");
    if (!this.#trusted() || this.link === undefined) return;
    const handler = this.#context.handlers.get(message.kind);
    if (handler === undefined) {
      this.#refuse(message.id, new HerdError("internal", `the peer knows no ${message.kind}`));
    } else if (this.#incoming.full || this.#peerIsSlow()) {
      this.#refuse(message.id, new HerdError("node.overloaded", "too many asks at a time", { retryAfterSeconds: 1 }));
    } else {
      this.#incoming.ask(message, handler, this.link);
    }
  }

  /**
   * Whether the peer leaves too much unread. Its next asks then stay unread here, unless we wait for an answer among them: two peers
   * that both stopped reading would wait for each other for ever.
   */
  #peerIsSlow(): boolean {
    if (this.#connection.queuedBytes <= this.#context.limits.fullBytes) return false;
    if (this.#asks.size === 0) this.#connection.pause();
    return true;
  }

  #refuse(id: number, error: HerdError): void {
    this.#reply([messageType.failure, id, failureOf(error)]);
  }

  #answer(id: number, body: unknown): void {
    let frame: Uint8Array;
    try {
      frame = encodeFrame([messageType.answer, id, body]);
    } catch (cause) {
      this.#context.log?.error("an answer could not be sent", { cause, repeat: this.peer.nodeId });
      this.#refuse(id, new HerdError("internal", "the peer failed"));
      return;
    }
    if (!this.#sendFrame(frame)) this.end("it leaves too many answers unread", { abrupt: true });
  }

  #reply(message: readonly unknown[]): void {
    if (!this.#send(message)) this.end("it leaves too many answers unread", { abrupt: true });
  }

  #send(message: readonly unknown[]): boolean {
    return this.#sendFrame(encodeFrame(message));
  }

  #sendFrame(frame: Uint8Array): boolean {
    if (this.#state === "ended") return false;
    if (this.#connection.queuedBytes + frame.length > this.#context.limits.queueBytes) return false;
    this.#connection.send(frame);
    this.#pulse.sent(frame.length);
    return true;
  }

  #usable(): boolean {
    return this.#state === "open" && this.#trusted();
  }

  /** Ends the connection at once when its peer is not to be trusted any more. */
  #trusted(): boolean {
    try {
      this.#context.trust.check(this.peer);
      return true;
    } catch (error) {
      // What waits to leave on an open connection is not for this peer any more.
      const reason = error instanceof Error ? error.message : "it is not trusted";
      if (this.#state === "open") this.end(reason, { abrupt: true });
      else this.refuse(reason, this.#context.farewell(this.peer));
      return false;
    }
  }

  #endIfLeft(): void {
    if (this.#left && this.#peerLeft && this.#asks.size === 0 && this.#incoming.asks === 0) this.end("it was replaced");
  }

  #watchExpiry(): void {
    // In steps, since a timer's time stands still while a machine sleeps, and certificates' does not.
    const rest = this.validUntil - this.#context.clock.now();
    if (rest <= 0) {
      this.end("a certificate of it has ended", { abrupt: true });
      return;
    }
    this.#cancelExpiry = this.#context.timers.after(Math.min(rest, 60_000), () => this.#watchExpiry());
  }
}
