// Links without frames and handshakes: ordered, delayed by a seed, and they break. A test sees what is sent, and
// answers in place of a handler.

import { pack, unpack } from "msgpackr";
import { HerdError } from "../../../src/core/errors.js";
import type { Random } from "../../../src/core/timers.js";
import {
  type From,
  type Handler,
  type Link,
  LinkBroken,
  type Links,
  type PeerIdentity,
  type RequestOptions,
  RequestTimeout,
} from "../../../src/mesh/ports.js";
import { seeded, VirtualTime } from "./virtual-time.js";

/** Time and chance of nodes over fake links. */
export class World extends VirtualTime {
  readonly random: Random;

  constructor(seed: number) {
    super();
    this.random = seeded(seed);
  }
}

/** The node that the link belongs to. */
export interface LinkOwner {
  readonly id: string;
  readonly world: World;
  readonly links: FakeLinks;
  readonly wire: (sent: Sent) => void;
}

/** A frame that was sent, for tests that look at the wire. */
export interface Sent {
  readonly from: string;
  readonly to: string;
  readonly kind: string;
  readonly body: unknown;
}

/** One end of a link. */
export class FakeLink implements Link {
  readonly peer: PeerIdentity;
  readonly rttMs = 1;
  readonly hello = { address: undefined, url: "" };
  readonly owner: LinkOwner;
  other: FakeLink | undefined;
  open = true;
  #lastAt = 0;
  readonly #asks = new Set<(error: Error) => void>();
  readonly #serving = new Set<AbortController>();

  constructor(owner: LinkOwner, peer: string) {
    this.owner = owner;
    this.peer = { nodeId: peer, serial: "", issuer: "", master: true, deploy: true, notAfter: 1e15 };
  }

  notify(kind: string, body: unknown): boolean {
    if (!this.open) return false;
    this.#deliver(kind, body, (other, copy) => void other.owner.links.handler(kind)?.(copy, other.from()));
    return true;
  }

  request(kind: string, body: unknown, { timeoutMs, signal }: RequestOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (!this.open) {
        reject(new LinkBroken("closed"));
        return;
      }
      const { world } = this.owner;
      const serving = new AbortController();
      const end = (settle: () => void): void => {
        if (!this.#asks.delete(broken)) return;
        stopTimer();
        stopSweep();
        settle();
      };
      const broken = (error: Error): void => end(() => reject(error));
      this.#asks.add(broken);
      const stopTimer = world.after(timeoutMs, () => {
        broken(new RequestTimeout("late"));
        serving.abort();
      });
      let stopSweep = (): void => undefined;
      const sweep = (): void => {
        stopSweep = world.after(10, sweep);
        if (signal?.aborted !== true) return;
        broken(new RequestTimeout("cancelled"));
        this.#deliver("cancel", null, () => serving.abort());
      };
      if (signal !== undefined) sweep();
      this.#deliver(kind, body, (other, copy) => {
        other.#serving.add(serving);
        const answer = (settle: () => void): void => {
          other.#serving.delete(serving);
          if (other.open) other.#deliver("answer", null, () => end(settle));
        };
        new Promise((result) => result(other.owner.links.handler(kind)?.(copy, other.from(serving.signal)))).then(
          (result) => answer(() => resolve(unpack(pack(result)))),
          (error: unknown) =>
            answer(() =>
              reject(error instanceof HerdError ? HerdError.fromData(error.toData()) : new HerdError("internal", "")),
            ),
        );
      });
    });
  }

  /** Ends both ends. */
  break(): void {
    for (const end of [this, this.other]) {
      if (end?.open !== true) continue;
      end.open = false;
      for (const fail of [...end.#asks]) fail(new LinkBroken("broken"));
      for (const serving of end.#serving) serving.abort(new LinkBroken("broken"));
      end.owner.links.closed(end);
    }
  }

  /** The node at this end. */
  from(signal: AbortSignal = new AbortController().signal): From {
    return {
      peer: this.peer,
      link: this,
      signal,
      get aborted() {
        return signal.aborted;
      },
    };
  }

  #deliver(kind: string, body: unknown, arrive: (other: FakeLink, copy: unknown) => void): void {
    const { world, wire } = this.owner;
    wire({ from: this.owner.id, to: this.peer.nodeId, kind, body });
    const bytes = pack(body);
    // In order, as on a socket.
    this.#lastAt = Math.max(this.#lastAt, world.now() + 0.05 + world.random());
    const at = this.#lastAt - world.now();
    world.after(at, () => {
      const { other } = this;
      if (this.open && other !== undefined) arrive(other, unpack(bytes));
    });
  }
}

/** The links of one node. */
export class FakeLinks implements Links {
  readonly #links = new Map<string, FakeLink>();
  readonly #handlers = new Map<string, Handler>();
  readonly #watchers = new Set<Parameters<Links["watch"]>[0]>();

  get(nodeId: string): FakeLink | undefined {
    return this.#links.get(nodeId);
  }

  all(): readonly FakeLink[] {
    return [...this.#links.values()];
  }

  handle(kind: string, handler: Handler): void {
    if (this.#handlers.has(kind)) throw new TypeError(`two handlers of ${kind}`);
    this.#handlers.set(kind, handler);
  }

  /** Answers as a hostile or broken node might. */
  replace(kind: string, handler: Handler): void {
    this.#handlers.set(kind, handler);
  }

  handler(kind: string): Handler | undefined {
    return this.#handlers.get(kind);
  }

  watch(events: Parameters<Links["watch"]>[0]): () => void {
    this.#watchers.add(events);
    return () => void this.#watchers.delete(events);
  }

  opened(link: FakeLink): void {
    this.#links.set(link.peer.nodeId, link);
    for (const { opened } of this.#watchers) opened?.(link);
  }

  closed(link: FakeLink): void {
    if (this.#links.get(link.peer.nodeId) === link) this.#links.delete(link.peer.nodeId);
    for (const { ended } of this.#watchers) ended?.(link, "broken");
  }

  want(): void {}
  unwant(): void {}
  cut(): void {}

  dial(): Promise<Link> {
    return Promise.reject(new Error("nobody dials here"));
  }
}
