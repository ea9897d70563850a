// Links without sockets: a fake that behaves as LinkSet does over a network with delays, breaks, partitions, silence
// and NAT.

import { HerdError } from "../../../src/core/errors.js";
import type { Random } from "../../../src/core/timers.js";
import {
  type Handler,
  type Link,
  LinkBroken,
  type Links,
  type PeerIdentity,
  type RequestOptions,
  RequestTimeout,
} from "../../../src/mesh/ports.js";
import type { VirtualTime } from "./virtual-time.js";

/** The identity that a certificate would prove. */
function identityOf(nodeId: string): PeerIdentity {
  return {
    nodeId,
    serial: "01",
    issuer: "00",
    master: false,
    deploy: false,
    notAfter: Number.MAX_SAFE_INTEGER,
  };
}

/** The network: which nodes can reach each other, and how long a message takes. */
export class Fabric {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly nodes = new Map<string, FabricLinks>();
  /** Milliseconds of one way: drawn between these two. */
  delayMs: readonly [number, number] = [0.2, 5];
  /** Groups of node ids that cannot reach each other; empty for none. */
  #groups: readonly ReadonlySet<string>[] = [];
  /** Messages sent so far. */
  messages = 0;

  constructor(time: VirtualTime, random: Random) {
    this.time = time;
    this.random = random;
  }

  reachable(from: string, to: string): boolean {
    const group = this.#groups.find((nodes) => nodes.has(from));
    return group === undefined || group.has(to);
  }

  /** Cuts the network into groups. Links across are reset at once, or fall silent and end seconds later. */
  partition(groups: readonly (readonly string[])[]): void {
    this.#groups = groups.map((nodes) => new Set(nodes));
    for (const node of this.nodes.values()) node.partitioned();
  }

  heal(): void {
    this.#groups = [];
    for (const node of this.nodes.values()) node.healed();
  }

  oneWayMs(): number {
    const [from, to] = this.delayMs;
    return from + this.random() * (to - from);
  }
}

interface End {
  readonly link: FabricLink;
  readonly of: FabricLinks;
}

/** One side of a link. */
export class FabricLink implements Link {
  readonly peer: PeerIdentity;
  readonly hello = { address: undefined, url: "https://localhost:8443" };
  readonly rttMs = 1;
  readonly #of: FabricLinks;
  other!: End;
  up = true;
  readonly broken = new Set<() => void>();
  #lastArrival = 0;
  #held: (() => void)[] = [];

  constructor(of: FabricLinks, peer: string) {
    this.#of = of;
    this.peer = identityOf(peer);
  }

  notify(kind: string, body: unknown): boolean {
    if (!this.up) return false;
    const copy: unknown = structuredClone(body);
    this.#send(() => void this.other.of.deliver(kind, copy, this.other.link).catch(() => undefined));
    return true;
  }

  request(kind: string, body: unknown, { timeoutMs }: RequestOptions): Promise<unknown> {
    if (!this.up) return Promise.reject(new LinkBroken("no link"));
    const copy: unknown = structuredClone(body);
    return new Promise((resolve, reject) => {
      const settle = (run: () => void): void => {
        cancel();
        this.broken.delete(fail);
        run();
      };
      const fail = (): void => settle(() => reject(new LinkBroken("link ended")));
      const cancel = this.#of.timers.after(timeoutMs, () => settle(() => reject(new RequestTimeout(kind))));
      this.broken.add(fail);
      this.#send(async () => {
        let answer: () => void;
        try {
          const result: unknown = structuredClone(await this.other.of.deliver(kind, copy, this.other.link));
          answer = () => resolve(result);
        } catch (error) {
          const failure = error instanceof HerdError ? error : new HerdError("internal", "failed");
          answer = () => reject(failure);
        }
        this.other.link.#send(() => settle(answer));
      });
    });
  }

  /** Delivers in order, after a delay; holds messages while the other side cannot be reached. */
  #send(arrive: () => void): void {
    if (!this.up) return;
    const { fabric } = this.#of;
    fabric.messages += 1;
    this.#lastArrival = Math.max(this.#lastArrival, fabric.time.monotonic() + fabric.oneWayMs());
    fabric.time.after(this.#lastArrival - fabric.time.monotonic(), () => {
      if (!this.other.link.up) return;
      const stuck = this.#held.length > 0 || !fabric.reachable(this.#of.id, this.peer.nodeId) || this.other.of.paused;
      if (stuck) this.#held.push(arrive);
      else arrive();
    });
  }

  /** Delivers the held messages. */
  release(): void {
    const held = this.#held;
    this.#held = [];
    for (const arrive of held) this.#of.fabric.time.after(0, () => this.other.link.up && arrive());
  }

  /** Ends this side. */
  end(): void {
    if (!this.up) return;
    this.up = false;
    for (const fail of [...this.broken]) fail();
  }
}

/** The links of one node: as LinkSet, without frames and handshakes. */
export class FabricLinks implements Links {
  readonly id: string;
  readonly fabric: Fabric;
  /** False for a node that can only dial out. */
  readonly dialable: boolean;
  readonly #links = new Map<string, FabricLink>();
  readonly #handlers = new Map<string, Handler>();
  readonly #watchers = new Set<Parameters<Links["watch"]>[0]>();
  readonly #wanted = new Map<string, { address: string; waitMs: number }>();
  paused = false;
  #running = true;
  #deferred: (() => void)[] = [];

  constructor(fabric: Fabric, { id, dialable = true }: { readonly id: string; readonly dialable?: boolean }) {
    this.fabric = fabric;
    this.id = id;
    this.dialable = dialable;
    fabric.nodes.set(id, this);
  }

  /** This node's timers: they end with the node, and fire late while it is paused. */
  readonly timers = {
    after: (ms: number, run: () => void): (() => void) => {
      let cancelled = false;
      const fire = (): void => {
        if (cancelled || !this.#running) return;
        if (this.paused) this.#deferred.push(fire);
        else run();
      };
      const cancel = this.fabric.time.after(ms, fire);
      return () => {
        cancelled = true;
        cancel();
      };
    },
  };

  get(nodeId: string): FabricLink | undefined {
    return this.#links.get(nodeId);
  }

  all(): readonly Link[] {
    return [...this.#links.values()];
  }

  handle(kind: string, handler: Handler): void {
    this.#handlers.set(kind, handler);
  }

  watch(events: Parameters<Links["watch"]>[0]): () => void {
    this.#watchers.add(events);
    return () => this.#watchers.delete(events);
  }

  want(nodeId: string, address: string): void {
    const wanted = this.#wanted.get(nodeId);
    if (wanted !== undefined) wanted.address = address;
    else {
      this.#wanted.set(nodeId, { address, waitMs: 100 });
      this.timers.after(0, () => this.#redial(nodeId));
    }
  }

  unwant(nodeId: string): void {
    this.#wanted.delete(nodeId);
  }

  async dial(address: string, signal: AbortSignal): Promise<Link> {
    const id = address.split(":")[0] ?? "";
    await new Promise<void>((resolve) => this.timers.after(this.fabric.oneWayMs() * 2, resolve));
    const to = this.fabric.nodes.get(id);
    if (to === undefined || to === this || !to.dialable) throw new Error(`${id} refuses`);
    while (!this.fabric.reachable(this.id, id) || to.paused) {
      if (signal.aborted) throw new Error(`${id} is silent`);
      await new Promise<void>((resolve) => this.timers.after(250, resolve));
    }
    const open = this.#links.get(id);
    if (open !== undefined) return open;
    if (!to.#running || !this.#running) throw new Error(`${id} refuses`);
    // An end that remained after a break that only one side has noticed.
    to.dropped(this.id);
    const [mine, theirs] = [new FabricLink(this, id), new FabricLink(to, this.id)];
    mine.other = { link: theirs, of: to };
    theirs.other = { link: mine, of: this };
    this.#opened(mine);
    to.#opened(theirs);
    return mine;
  }

  cut(nodeId: string): void {
    this.dropped(nodeId);
    this.fabric.time.after(this.fabric.oneWayMs(), () => this.fabric.nodes.get(nodeId)?.dropped(this.id));
  }

  /** Breaks the link to a node, for both sides. */
  break(nodeId: string): void {
    this.fabric.nodes.get(nodeId)?.dropped(this.id);
    this.dropped(nodeId);
  }

  /** This side of the link to a node ends. */
  dropped(nodeId: string): void {
    const link = this.#links.get(nodeId);
    if (link === undefined) return;
    this.#links.delete(nodeId);
    link.end();
    for (const { ended } of [...this.#watchers]) ended?.(link, "broken");
    this.timers.after(50, () => this.#redial(nodeId));
  }

  /** The process ends at once. Its peers see the links end, or only silence for 15 s. */
  kill({ silently = false }: { readonly silently?: boolean } = {}): void {
    this.#running = false;
    this.paused = true;
    for (const peer of [...this.#links.keys()]) {
      const other = this.fabric.nodes.get(peer);
      const link = other?.get(this.id);
      this.fabric.time.after(silently ? 15_000 : this.fabric.oneWayMs(), () => {
        if (other?.get(this.id) === link) other?.dropped(this.id);
      });
    }
    if (this.fabric.nodes.get(this.id) === this) this.fabric.nodes.delete(this.id);
  }

  /** Stops the process as SIGSTOP does; `resume` continues it. */
  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const run of deferred) this.fabric.time.after(0, run);
    this.healed();
  }

  /** Ends the links across a partition, or lets them fall silent. */
  partitioned(): void {
    for (const [peer, link] of this.#links) {
      if (this.fabric.reachable(this.id, peer) || this.id > peer) continue;
      const afterMs = this.fabric.random() < 0.5 ? 0 : 3_000 + this.fabric.random() * 12_000;
      this.fabric.time.after(afterMs, () => {
        if (link.up && !this.fabric.reachable(this.id, peer)) this.break(peer);
      });
    }
  }

  /** Delivers the messages that were held on the way. */
  healed(): void {
    for (const link of this.#links.values()) {
      link.release();
      link.other.link.release();
    }
  }

  /** Delivers a message to this node's handler. */
  async deliver(kind: string, body: unknown, link: FabricLink): Promise<unknown> {
    const handler = this.#handlers.get(kind);
    if (handler === undefined) throw new HerdError("request.malformed", `no handler for ${kind}`);
    return handler(body, { peer: link.peer, link, signal: new AbortController().signal, aborted: false });
  }

  #opened(link: FabricLink): void {
    this.#links.set(link.peer.nodeId, link);
    for (const { opened } of [...this.#watchers]) opened?.(link);
  }

  #redial(nodeId: string): void {
    const wanted = this.#wanted.get(nodeId);
    if (wanted === undefined || this.#links.has(nodeId)) return;
    const signal = new AbortController();
    const cancel = this.timers.after(5_000, () => signal.abort());
    this.dial(wanted.address, signal.signal).then(
      () => {
        cancel();
        wanted.waitMs = 100;
      },
      () => {
        cancel();
        wanted.waitMs = Math.min(wanted.waitMs * 2, 10_000);
        this.timers.after(wanted.waitMs * (0.5 + this.fabric.random() / 2), () => this.#redial(nodeId));
      },
    );
  }
}
