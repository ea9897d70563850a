// The interfaces between the parts of a mesh: connections, links, members and records. Implementations stand beside.

import type { DoorKind } from "../core/door-kind.js";

/** The node at the other end, read from the peer certificate that the TLS handshake proved. Times are epoch ms. */
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

/**
 * Decides whether a peer may send requests and notifications now. Called when a link opens and at each of them: cheap.
 */
export interface Trust {
  /** Throws HerdError `auth.invalid` with the reason: expired, revoked, issued by a revoked master. */
  check(peer: PeerIdentity): void;
}

/**
 * An open, authenticated stream of frames: TLS 1.3 in a node, memory in a simulation. The network bounds the size of a
 * frame.
 */
export interface Connection {
  readonly peer: PeerIdentity;
  /** When our own certificate on this connection ends, epoch ms. */
  readonly ownNotAfter: number;
  /** The other end (`HOST:PORT`), where the network knows it. */
  readonly remote?: string | undefined;
  /** Queues one frame, in order. `false` is back-pressure: the sender should wait for `drained`. */
  send(frame: Uint8Array): boolean;
  /** Bytes accepted by `send` that have not left. */
  readonly queuedBytes: number;
  /** Bytes received, those of an incomplete frame too: a sign of life. */
  readonly receivedBytes: number;
  /** Reads nothing more until `resume`, so that the peer's sending stalls. */
  pause(): void;
  resume(): void;
  /** Sends what is queued, then ends; at once when `abrupt`. `closed` follows, with this reason. */
  close(reason: string, options?: { readonly abrupt?: boolean }): void;
  /** Sets the receiver, once, before the first turn of the event loop after the connection was handed over. */
  receive(events: ConnectionEvents): void;
}

/** What the receiver of a connection is called with. `closed` comes once and last. */
export interface ConnectionEvents {
  frame(bytes: Uint8Array): void;
  drained(): void;
  closed(reason: string): void;
}

/** A handshake that ended because one side refused the other. */
export interface Refusal {
  /** Which side refused. */
  readonly by: "this node" | "the peer";
  /** The peer's id, as its certificate claims; `undefined` when the certificate cannot be read. */
  readonly node: string | undefined;
  /** `HOST:PORT`, `undefined` where the network knows none. */
  readonly address: string | undefined;
  readonly reason: string;
  /** How far the peer's clock is ahead of ours, ms; `undefined` when the peer sent no time. The time is not proved. */
  readonly skewMs: number | undefined;
}

/** Where nodes listen and dial. An address is `HOST:PORT`. */
export interface Network {
  /** Listens; resolves to the bound port. Connections that failed to authenticate are never handed over. */
  listen(onConnection: (connection: Connection) => void): Promise<number>;
  /** Rejects when nobody answers or the TLS handshake fails. */
  dial(address: string, signal: AbortSignal): Promise<Connection>;
  /** Closes the listener; connections stay. */
  close(): Promise<void>;
}

/** Shows whether a request was cancelled. It is polled, so that no listener is needed. An AbortSignal is one. */
export interface Cancellation {
  readonly aborted: boolean;
}

/** How long a request waits for its response. */
export interface RequestOptions {
  readonly timeoutMs: number;
  readonly signal?: Cancellation | undefined;
}

/** What a peer announced of itself in the handshake. Bounded and of the right shape, but not proved. */
export interface PeerHello {
  /** Where the peer may be dialled (`HOST:PORT`), `undefined` when it cannot be; and its HTTPS address. */
  readonly address: string | undefined;
  readonly url: string;
}

/**
 * A link to one peer, over which both sides send requests and notifications. A link outlives its connection when
 * another replaces that in time, as after a renewed certificate. Messages arrive in order, except around such a
 * replacement: a message sent before it may arrive after one sent later.
 */
export interface Link {
  /** As proved on the present connection. */
  readonly peer: PeerIdentity;
  readonly hello: PeerHello;
  /** Smoothed round-trip time; undefined before the first measurement. */
  readonly rttMs: number | undefined;
  /**
   * Sends a notification, which has no response. `false`: it was dropped, since the link is down or its queue is full.
   */
  notify(kind: string, body: unknown): boolean;
  /**
   * Sends a request and waits for the response. Rejects with the HerdError of the peer's response; with
   * {@link LinkBroken} when the link ended or its queue is full (the peer may or may not have acted); and with
   * {@link RequestTimeout}, also when `signal` aborted. Throws `RangeError` for a body that fits no frame.
   */
  request(kind: string, body: unknown, options: RequestOptions): Promise<unknown>;
}

/** The link ended before the response came. */
export class LinkBroken extends Error {
  override readonly name = "LinkBroken";
}

/** The response did not come in time, or the request was cancelled. */
export class RequestTimeout extends Error {
  override readonly name = "RequestTimeout";
}

/** The sender of a message, and the link over which it came. */
export interface From {
  readonly peer: PeerIdentity;
  readonly link: Link;
  /** Aborts when the request was cancelled or its link ended. */
  readonly signal: AbortSignal;
  /** Whether `signal` has aborted; cheaper than `signal`, which is made when it is first read. */
  readonly aborted: boolean;
}

/**
 * Handles requests and notifications of one kind. The result answers a request; that of a notification is ignored. The
 * body is what MessagePack held: bounded, but of any shape.
 */
export type Handler = (body: unknown, from: From) => unknown;

/** All links of this node: at most one per peer, whichever side dialled. */
export interface Links {
  get(nodeId: string): Link | undefined;
  /** Every open link, in no order. */
  all(): readonly Link[];
  /** Registers the one handler of a kind, before the links start. */
  handle(kind: string, handler: Handler): void;
  /** Calls back when links open and end; returns the function that unsubscribes. */
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

/** States of a member, as `GET /v1/nodes` shows them. A node that its owner paused is `asleep`. */
export const memberStates = ["alive", "suspect", "dead", "left", "draining", "asleep"] as const;

/** One of {@link memberStates}. */
export type MemberState = (typeof memberStates)[number];

/** A node as the membership protocol sees it. */
export interface Member {
  readonly id: string;
  readonly state: MemberState;
  readonly incarnation: number;
  /** Where peers dial the node (`HOST:PORT`), absent for a node that can only dial out; and its HTTPS address. */
  readonly address: string | undefined;
  readonly url: string;
  /** Whether the node runs in a container, as it announced. */
  readonly contained?: boolean | undefined;
  /** The front door of the node's public port. */
  readonly door?: DoorKind | undefined;
}

/** The members of the mesh, without this node. */
export interface Members {
  all(): readonly Member[];
  get(nodeId: string): Member | undefined;
  watch(changed: (member: Member, before: Member | undefined) => void): () => void;
}

/**
 * Records of one kind, all of which every node comes to hold: they are gossiped and compared. Ids are 64 hex digits.
 */
export interface RecordStore {
  readonly kind: string;
  /**
   * Takes a record's text from any source. `new`: accepted, to be passed on. `known`: nothing to do. `waiting`: cannot
   * be judged yet, since its signer is unknown here; to be offered again. Throws HerdError `auth.invalid` when it is
   * refused, and `state.conflict` when the store is full.
   */
  accept(text: string): Promise<"new" | "known" | "waiting">;
  ids(): Iterable<string>;
  get(id: string): string | undefined;
}

/** Spreads records over the mesh. */
export interface Replica {
  /** Accepts a record here and sends it to every linked peer. Throws as its store does. */
  publish(kind: string, text: string): Promise<void>;
}

/** Spreads a record of a kind: accepted here, then sent to every linked peer. */
export type Publish = (kind: string, text: string) => Promise<void>;
