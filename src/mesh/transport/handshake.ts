// The handshake of a connection: each side sends a hello, judges the hello of the other side, and sends `ready`.

import { HerdError } from "../../core/errors.js";
import type { PeerIdentity, Refusal } from "../ports.js";
import type { ChannelContext } from "./channel-context.js";
import { FrameError } from "./frame.js";
import { type Hello, helloContent, isRecords, readHello } from "./hello.js";
import { messageType } from "./message.js";

/** What a {@link Handshake} needs of its connection. */
export interface HandshakeOptions {
  readonly context: ChannelContext;
  readonly peer: PeerIdentity;
  /** The count of this dial among the dials of this process; 0 when the peer dialled. */
  readonly dial: number;
  /** The peer's end (`HOST:PORT`), where it is known. */
  readonly address: string | undefined;
  readonly send: (message: readonly unknown[]) => void;
  /**
   * Whether the handshake still runs with a trusted peer. An untrusted peer has been refused when this returns false.
   */
  readonly isTrusted: () => boolean;
  /** Both sides are ready. */
  readonly complete: () => void;
  /** Ends the connection: the peer does not belong here. */
  readonly refuse: (reason: string) => void;
  /** Ends the connection for any other reason. */
  readonly end: (reason: string) => void;
}

/** One side of a handshake. TLS has proved the peer's certificate before. */
export class Handshake {
  readonly #options: HandshakeOptions;
  #hello: Hello | undefined;
  #ownGeneration: number | undefined;
  #peerGeneration: number | undefined;
  #cancelTimeout: (() => void) | undefined;

  constructor(options: HandshakeOptions) {
    this.#options = options;
  }

  /** The peer's hello, once received. */
  get hello(): Hello | undefined {
    return this.#hello;
  }

  /** See {@link HandshakeOptions.dial}. */
  get ownDial(): number {
    return this.#options.dial;
  }

  /** The generations that both sides sent with `ready`. */
  get generations(): { readonly own: number | undefined; readonly peer: number | undefined } {
    return { own: this.#ownGeneration, peer: this.#peerGeneration };
  }

  /** Sends the hello, then judges the peer by its certificate. */
  start(): void {
    const { context, dial, send, isTrusted, end } = this.#options;
    const { nodeId: node, instance, started, clock, timers, limits } = context;
    // Sent before the peer is judged: the records show a peer whose master was revoked while it slept that it needs a
    // new certificate.
    send([messageType.hello, helloContent(context.hello(), { node, instance, dial, at: clock.now(), started })]);
    if (!isTrusted()) return;
    this.#cancelTimeout = timers.after(limits.handshakeMs, () => end("the handshake took too long"));
  }

  /** The connection ended. */
  stop(): void {
    this.#cancelTimeout?.();
  }

  /** Takes the peer's hello or `ready`. Throws {@link FrameError} for any other message and for a wrong order. */
  receive(message: readonly unknown[]): void {
    switch (message[0]) {
      case messageType.hello:
        this.#receiveHello(message[1]);
        return;
      case messageType.ready:
        if (this.#hello === undefined) throw new FrameError("it was ready before its hello");
        if (!Number.isSafeInteger(message[1])) throw new FrameError("its generation is no number");
        this.#peerGeneration = message[1] as number;
        this.#completeIfReady();
        return;
      default:
        throw new FrameError("its first message was no hello");
    }
  }

  /** Reports that the peer refused this node; `at` is the peer's time (epoch ms), which only a refusal carries. */
  receiveRefusal(reason: string, at: number | undefined): void {
    if (at !== undefined) this.reportRefusal({ by: "the peer", reason, at });
  }

  /**
   * Offers the records with which the peer proves its refusal to their stores, which trust them as little as a
   * stranger's.
   */
  acceptProof(records: unknown): void {
    const { context, peer } = this.#options;
    if (!isRecords(records)) return;
    context.acceptRecords(records, peer).catch((error: unknown) => {
      if (!(error instanceof HerdError))
        context.log?.error("a peer's reasons could not be read", { cause: error, repeat: peer.nodeId });
    });
  }

  /** Reports a refusal by either side, with the peer's clock skew when the peer's time is known. */
  reportRefusal({ at, ...refusal }: Pick<Refusal, "by" | "reason"> & { at: number | undefined }): void {
    const { context, peer, address } = this.#options;
    const skewMs = at === undefined || at === 0 ? undefined : at - context.clock.now();
    context.refused({ ...refusal, node: peer.nodeId, address, skewMs });
  }

  #receiveHello(content: unknown): void {
    const { context, peer, refuse, end } = this.#options;
    if (this.#hello !== undefined) throw new FrameError("it sent two hellos");
    const hello = readHello(content);
    this.#hello = hello;
    if (hello.node !== peer.nodeId) throw new FrameError("its hello names another node than its certificate");
    if (hello.at > 0) context.clockSkew(peer, hello.at - context.clock.now());
    this.#accept(hello).catch((error: unknown) => {
      if (error instanceof HerdError) return refuse(error.message);
      context.log?.error("the handshake with a peer failed", { cause: error, repeat: peer.nodeId });
      return end("the handshake failed");
    });
  }

  async #accept(hello: Hello): Promise<void> {
    const { context, peer, send, isTrusted } = this.#options;
    await context.acceptRecords(hello.records, peer);
    if (!isTrusted()) return;
    this.#ownGeneration = context.generation(peer.nodeId);
    send([messageType.ready, this.#ownGeneration]);
    this.#completeIfReady();
  }

  #completeIfReady(): void {
    if (this.#ownGeneration === undefined || this.#peerGeneration === undefined) return;
    this.#cancelTimeout?.();
    this.#options.complete();
  }
}
