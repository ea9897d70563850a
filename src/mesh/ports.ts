// What the parts of a mesh are to each other: connections, links, members and records. Implementations stand beside.

/** Who is at the other end, read from the peer certificate that the handshake proved. Times are epoch ms. */
export interface PeerIdentity {
  /** Node id: 32 hex digits, from the certificate's URI `spiffe://{mesh}/node/{id}`. */
  readonly nodeId: string;
  /** The certificate's serial number and its issuer's SHA-256 key identifier, in lower-case hex. */
  readonly serial: string;
  readonly issuer: string;
  /** Marks in the certificate. */
  readonly master: boolean;
  readonly deploy: boolean;
  readonly notAfter: number;
}

/** Decides whether a peer may ask for anything now: asked when a link opens and at every frame that asks. Must be cheap. */
export interface Trust {
  /** Throws HerdError `auth.invalid` with the reason: expired, revoked, issued by a revoked master. */
  check(peer: PeerIdentity): void;
}

/** An open, authenticated stream of frames: TLS 1.3 in a node, memory in a simulation. Frames are bounded by the network. */
export interface Connection {
  readonly peer: PeerIdentity;
  /** When our own certificate on this connection ends, epoch ms. */
  readonly ownNotAfter: number;
  /** The other end (`HOST:PORT`), where the network knows it. */
  readonly remote?: string | undefined;
  /** Queues one frame, in order. `false` asks the sender to wait for `drained`. */
  send(frame: Uint8Array): boolean;
  /** Bytes accepted by `send` that have not left. */
  readonly queuedBytes: number;
  /** Bytes that came in, those of half a frame too: a sign of life. */
  readonly receivedBytes: number;
  /** Reads nothing more until `resume`, so that the peer's sending stalls. */
  pause(): void;
  resume(): void;
  /** Sends what is queued, then ends; at once when `abrupt`. `closed` follows, with this reason. */
  close(reason: string, options?: { readonly abrupt?: boolean }): void;
  /** Set once, before the first turn of the event loop after the connection was handed over. */
  receive(events: ConnectionEvents): void;
}

/** What a connection tells its owner. `closed` comes once and last. */
export interface ConnectionEvents {
  frame(bytes: Uint8Array): void;
  drained(): void;
  closed(reason: string): void;
}

/** A peer that did not get in, or where this node did not. */
export interface Refusal {
  /** Who refuses: this node the peer, or the peer this node. */
  readonly by: "this node" | "the peer";
  /** The peer's id, as its certificate claims; `undefined` when it cannot be read. */
  readonly node: string | undefined;
  /** `HOST:PORT`, `undefined` where the network tells none. */
  readonly address: string | undefined;
  readonly reason: string;
  /** How far the peer's clock is ahead of ours, ms, when it told its time. Nobody proved it. */
  readonly skewMs: number | undefined;
}

/** Where nodes listen and dial. An address is `HOST:PORT`. */
export interface Network {
  /** Listens; resolves to the bound port. Connections that failed to authenticate are never handed over. */
  listen(onConnection: (connection: Connection) => void): Promise<number>;
  /** Rejects when nobody answers or the handshake fails. */
  dial(address: string, signal: AbortSignal): Promise<Connection>;
  /** Closes the listener; connections stay. */
  close(): Promise<void>;
}

/** Tells whether an ask is still wanted; looked at now and then. An AbortSignal is one. */
export interface Cancellation {
  readonly aborted: boolean;
}

/** How long an ask waits for its answer. */
export interface RequestOptions {
  readonly timeoutMs: number;
  readonly signal?: Cancellation | undefined;
}

/** What a peer said of itself when it was greeted. Bounded, of the right shape, not proved. */
export interface PeerHello {
  /** Where it may be dialled (`HOST:PORT`), `undefined` when it cannot; and its HTTPS address. */
  readonly address: string | undefined;
  readonly url: string;
}

/**
 * A link to one peer, over which both sides ask and tell. It outlives the connection under it when that is replaced in time, as after
 * a renewed certificate; only then may what was sent before arrive after what was sent later.
 */
export interface Link {
  /** As proved on the present connection. */
  readonly peer: PeerIdentity;
  readonly hello: PeerHello;
  /** Smoothed round-trip time; undefined before the first measurement. */
  readonly rttMs: number | undefined;
  /** Sends a message that has no answer; `false` when it was dropped, because the link is down or its queue is full. */
  notify(kind: string, body: unknown): boolean;
  /**
   * Asks and waits. Rejects with the HerdError that the peer answered with, with {@link LinkBroken} when the link ended or its queue
   * is full (the peer may or may not have acted), and with {@link RequestTimeout}, also when `signal` aborted. Throws `RangeError` for a
   * body that fits no frame.
   */
  request(kind: string, body: unknown, options: RequestOptions): Promise<unknown>;
}

/** The link ended before the answer came. */
export class LinkBroken extends Error {
  override readonly name = "LinkBroken";
}

/** The peer did not answer in time, or the answer was not wanted any more. */
export class RequestTimeout extends Error {
  override readonly name = "RequestTimeout";
}

/** Who sent a message, over which link; `signal` aborts when an ask was cancelled or its link ended. */
export interface From {
  readonly peer: PeerIdentity;
  readonly link: Link;
  readonly signal: AbortSignal;
  /** Whether it did; looking here costs no signal. */
  readonly aborted: boolean;
}

/** Answers an ask, or hears a tell (its result is ignored). The body is what msgpack held: bounded, but of any shape. */
export type Handler = (body: unknown, from: From) => unknown;

/** All links of this node: at most one per peer, whoever dialled it. */
export interface Links {
  get(nodeId: string): Link | undefined;
  /** Every open link, in no order. */
  all(): readonly Link[];
  /** Registers the one handler of a kind, before the links start. */
  handle(kind: string, handler: Handler): void;
  /** Hears of links that opened and ended; returns the function that unsubscribes. */
  watch(events: {
    readonly opened?: (link: Link) => void;
    readonly ended?: (link: Link, reason: string) => void;
  }): () => void;
  /** Keeps a link to this node, dialling and redialling; a later address replaces the one before. */
  want(nodeId: string, address: string): void;
  /** Dials no more; a link that is open stays until its end. */
  unwant(nodeId: string): void;
  /** Dials an address whose node is not known yet; resolves once the link is open. */
  dial(address: string, signal: AbortSignal): Promise<Link>;
  /** Ends the link to a node at once, as after a revocation. */
  cut(nodeId: string, reason: string): void;
}

/** States of CONTRACT.md. `asleep` is for nodes that an owner paused. */
export const memberStates = ["alive", "suspect", "dead", "left", "draining", "asleep"] as const;

/** One of {@link memberStates}. */
export type MemberState = (typeof memberStates)[number];

/** A node as the mesh sees it. */
export interface Member {
  readonly id: string;
  readonly state: MemberState;
  readonly incarnation: number;
  /** Where peers dial it (`HOST:PORT`), absent for a node that can only dial out; and its HTTPS address. */
  readonly address: string | undefined;
  readonly url: string;
  /** Whether a container stands around it, as far as it says. */
  readonly contained?: boolean | undefined;
}

/** Who is there. The node itself is not among the members. */
export interface Members {
  all(): readonly Member[];
  get(nodeId: string): Member | undefined;
  watch(changed: (member: Member, before: Member | undefined) => void): () => void;
}

/** Records of one kind, which every node ends up having: what is gossiped and compared. Ids are 64 hex digits. */
export interface RecordStore {
  readonly kind: string;
  /**
   * Takes a record's text from anywhere. `new`: accepted, to be passed on. `known`: nothing to do. `waiting`: not to be judged yet
   * (its signer is unknown here), offer it again. Throws HerdError `auth.invalid` when it is refused.
   */
  accept(text: string): Promise<"new" | "known" | "waiting">;
  ids(): Iterable<string>;
  get(id: string): string | undefined;
}

/** Spreads records. */
export interface Replica {
  /** Accepts a record here and sends it to every linked peer. Throws as its store does. */
  publish(kind: string, text: string): Promise<void>;
}

/** Spreads a record of some kind: accepted here, then sent to every linked peer. */
export type Publish = (kind: string, text: string) => Promise<void>;
