// A network in memory, the counterpart of the one over TLS: a test decides its delays, breaks and partitions.

import {
  type Connection,
  type ConnectionEvents,
  LinkBroken,
  type Network,
  type PeerIdentity,
} from "../../../src/mesh/ports.js";
import type { VirtualTime } from "./virtual-time.js";

/**
 * The wires between two nodes at the moment. They are reliable, as TCP is: a lost frame is sent again, and comes late.
 */
export interface Wires {
  /** One way, ms, drawn for each frame. */
  delayMs(from: string, to: string): number;
  /**
   * Whether nothing passes in this direction now. Frames wait, and pass when this ends before the connection breaks.
   */
  isBlocked(from: string, to: string): boolean;
  /** Whether this node accepts no connections, as behind a NAT. */
  isHidden(node: string): boolean;
}

/** A connection breaks when a frame waits longer than this, ms. */
const stallLimitMs = 20_000;
const retryMs = 100;
const dialTimeoutMs = 5_000;
/** Queued bytes above which `send` returns false: back-pressure. */
const fullBytes = 64 * 1024;

interface Listener {
  readonly identity: () => PeerIdentity;
  readonly onConnection: (connection: Connection) => void;
}

/** Where a simulated node listens. */
export function addressOf(node: string): string {
  return `n-${node}:1`;
}

/** Everything between simulated nodes. */
export class MemoryWorld {
  readonly time: VirtualTime;
  readonly wires: Wires;
  readonly listeners = new Map<string, Listener>();
  readonly #ends = new Map<string, Set<MemoryConnection>>();
  readonly #kills = new Map<string, number>();
  /** Frames and bytes that were sent so far. */
  frames = 0;
  bytes = 0;

  constructor(time: VirtualTime, wires: Wires) {
    this.time = time;
    this.wires = wires;
  }

  /** Connection ends that a node holds. */
  endsOf(node: string): Set<MemoryConnection> {
    const ends = this.#ends.get(node) ?? new Set();
    this.#ends.set(node, ends);
    return ends;
  }

  /** How often a node's process ended so far: whatever it began ends with it. */
  killsOf(node: string): number {
    return this.#kills.get(node) ?? 0;
  }

  /**
   * Ends a node's process: its connection ends receive nothing more; its peers notice after a delay, or never when
   * `isSilent`.
   */
  kill(node: string, isSilent = false): void {
    this.listeners.delete(node);
    this.#kills.set(node, this.killsOf(node) + 1);
    for (const end of [...this.endsOf(node)]) end.vanish(isSilent);
  }

  /** Breaks all connections between two nodes, so that both notice. */
  break(one: string, other: string): void {
    for (const end of [...this.endsOf(one)]) {
      if (end.peer.nodeId === other) end.close("the connection broke", { abrupt: true });
    }
  }
}

/** A node's side of a {@link MemoryWorld}; `identity` is the content of its present certificate. */
export class MemoryNetwork implements Network {
  readonly #world: MemoryWorld;
  readonly #identity: () => PeerIdentity;

  constructor(world: MemoryWorld, identity: () => PeerIdentity) {
    this.#world = world;
    this.#identity = identity;
  }

  async listen(onConnection: (connection: Connection) => void): Promise<number> {
    this.#world.listeners.set(this.#identity().nodeId, { identity: this.#identity, onConnection });
    return 1;
  }

  dial(address: string, signal: AbortSignal): Promise<Connection> {
    const { time, wires, listeners } = this.#world;
    const from = this.#identity().nodeId;
    const kills = this.#world.killsOf(from);
    const to = /^n-(.+):1$/.exec(address)?.[1] ?? "";
    return new Promise((resolve, reject) => {
      if (wires.isBlocked(from, to) || wires.isBlocked(to, from) || wires.isHidden(to)) {
        time.after(dialTimeoutMs, () => reject(new LinkBroken("nobody answered")));
        return;
      }
      time.after(wires.delayMs(from, to) + wires.delayMs(to, from), () => {
        const listener = listeners.get(to);
        if (this.#world.killsOf(from) !== kills) return;
        if (listener === undefined || signal.aborted) {
          reject(new LinkBroken(signal.aborted ? "the dial was given up" : "nobody listens"));
          return;
        }
        const here = new MemoryConnection(this.#world, { own: this.#identity(), peer: listener.identity() });
        const there = new MemoryConnection(this.#world, { own: listener.identity(), peer: this.#identity() });
        here.join(there);
        there.join(here);
        resolve(here);
        listener.onConnection(there);
      });
    });
  }

  async close(): Promise<void> {
    this.#world.listeners.delete(this.#identity().nodeId);
  }
}

/** One end of a connection in memory. */
export class MemoryConnection implements Connection {
  readonly peer: PeerIdentity;
  readonly ownNotAfter: number;
  readonly #own: string;
  readonly #world: MemoryWorld;
  #other: MemoryConnection | undefined;
  #events: ConnectionEvents | undefined;
  /** Frames that were sent and are not on the wire yet, in order; a text ends the stream and is the reason. */
  readonly #waiting: (Uint8Array | string)[] = [];
  #waitsSince: number | undefined;
  /** Frames that arrived while the connection was paused. */
  readonly #unread: Uint8Array[] = [];
  #isPaused = false;
  #isClosed = false;
  #isFull = false;
  #lastArrival = 0;
  queuedBytes = 0;
  receivedBytes = 0;

  constructor(world: MemoryWorld, identities: { own: PeerIdentity; peer: PeerIdentity }) {
    this.#world = world;
    this.#own = identities.own.nodeId;
    this.peer = identities.peer;
    this.ownNotAfter = identities.own.notAfter;
  }

  /** Makes the two ends one connection. */
  join(other: MemoryConnection): void {
    this.#other = other;
    this.#world.endsOf(this.#own).add(this);
  }

  receive(events: ConnectionEvents): void {
    this.#events = events;
  }

  send(frame: Uint8Array): boolean {
    if (this.#isClosed) return false;
    this.#world.frames++;
    this.#world.bytes += frame.length;
    this.queuedBytes += frame.length;
    if (this.queuedBytes > fullBytes) this.#isFull = true;
    this.#put(frame);
    return !this.#isFull;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#world.time.after(0, () => {
      for (let frame = this.#unread.shift(); frame !== undefined; frame = this.#unread.shift()) this.#read(frame);
    });
  }

  close(reason: string, options: { readonly abrupt?: boolean } = {}): void {
    if (this.#isClosed) return;
    if (options.abrupt === true) this.#waiting.length = 0;
    this.#put("the peer closed the connection");
    this.#closed(reason);
  }

  /** The process at this end is gone. */
  vanish(isSilent: boolean): void {
    if (this.#isClosed) return;
    this.#events = undefined;
    this.#waiting.length = 0;
    if (!isSilent) this.#put("the connection was reset");
    this.#closed("killed");
  }

  /** The wires are blocked for too long: this end is closed, and nothing is sent of that. */
  timeOut(): void {
    if (this.#isClosed) return;
    this.#waiting.length = 0;
    this.#closed("the connection timed out");
  }

  #put(item: Uint8Array | string): void {
    this.#waiting.push(item);
    if (this.#waiting.length === 1) this.#pump();
  }

  #pump(): void {
    const { time, wires } = this.#world;
    if (this.#waiting.length === 0) return;
    if (wires.isBlocked(this.#own, this.peer.nodeId)) {
      this.#waitsSince ??= time.monotonic();
      if (time.monotonic() - this.#waitsSince > stallLimitMs) {
        for (const end of [this, this.#other]) end?.timeOut();
      } else {
        time.after(retryMs, () => this.#pump());
      }
      return;
    }
    this.#waitsSince = undefined;
    for (const item of this.#waiting.splice(0)) {
      // A little later than the frame before: the time of an event is a rounded sum, and frames keep their order.
      const arrival = time.monotonic() + wires.delayMs(this.#own, this.peer.nodeId);
      this.#lastArrival = Math.max(this.#lastArrival + 0.001, arrival);
      time.after(this.#lastArrival - time.monotonic(), () => this.#other?.arrive(item));
    }
  }

  /** A frame of the other end arrived. */
  arrive(item: Uint8Array | string): void {
    if (this.#isClosed) return;
    if (typeof item === "string") {
      for (const frame of this.#unread.splice(0)) this.#read(frame);
      this.#other?.close(item, { abrupt: true });
      this.#closed(item);
    } else if (this.#isPaused) {
      this.#unread.push(item);
    } else {
      this.#read(item);
    }
  }

  #read(frame: Uint8Array): void {
    this.receivedBytes += frame.length;
    this.#other?.read(frame.length);
    this.#events?.frame(frame);
  }

  /** The other end read this number of bytes. */
  read(bytes: number): void {
    this.queuedBytes -= bytes;
    if (this.queuedBytes > 0 || !this.#isFull) return;
    this.#isFull = false;
    this.#world.time.after(0, () => this.#events?.drained());
  }

  #closed(reason: string): void {
    this.#isClosed = true;
    this.#world.endsOf(this.#own).delete(this);
    const events = this.#events;
    this.#events = undefined;
    this.#world.time.after(0, () => events?.closed(reason));
  }
}
