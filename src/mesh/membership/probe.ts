// Probes of members (SWIM, section 3.1): each member in turn, directly, then indirectly through other members.

import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import { isNodeId } from "../../core/node-id.js";
import type { Random, Timers } from "../../core/timers.js";
import type { From, Link, Links } from "../ports.js";
import { sample } from "../sample.js";
import type { Awareness } from "./awareness.js";
import type { Gossip } from "./gossip.js";
import type { Update } from "./member-messages.js";
import type { MemberSelf } from "./member-self.js";
import { isPresent, type MemberTable, mark } from "./member-table.js";
import type { MembersConfig } from "./members-config.js";

/** What a {@link Prober} needs. */
export interface ProberOptions {
  readonly config: MembersConfig;
  readonly links: Links;
  readonly table: MemberTable;
  readonly self: MemberSelf;
  readonly gossip: Gossip;
  readonly awareness: Awareness;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** The longest delay of this process's event loop since the last call, in ms. */
  readonly loopDelayMs: () => number;
  /** A peer's digest of the members differs from this node's: the two should compare. */
  readonly differs: (link: Link) => void;
}

/**
 * Probes at a time after broken links, besides the regular one. When more links break at once, this node is cut off.
 */
const maxHinted = 16;
/** Links that one direct probe may try, each after the one before broke. */
const maxLinksPerProbe = 3;
const kinds = { ping: "ping", indirect: "ping-req" } as const;

/** Probes members and answers probes. */
export class Prober {
  readonly #options: ProberOptions;
  readonly #probing = new Set<string>();
  readonly #awaited = new Map<string, Set<(link: Link) => void>>();
  #order: string[] = [];
  /** When this node last found its own event loop delayed, monotonic ms. */
  #delayedAt = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(options: ProberOptions) {
    this.#options = options;
    options.links.handle(kinds.ping, (body, from) => this.#handlePing(body, from));
    options.links.handle(kinds.indirect, (body, from) => this.#handleIndirect(body, from));
  }

  /** Probes the next member: each once, in random order, before any of them again (SWIM, section 4.3). */
  async round(): Promise<void> {
    const { table, random } = this.#options;
    this.#stopped = false;
    for (;;) {
      if (this.#order.length === 0) {
        const present = table.all().filter(({ state }) => isPresent(state));
        if (present.length === 0) return;
        this.#order = sample(present, { count: present.length, random }).map(({ id }) => id);
      }
      const next = this.#order.pop();
      const member = next === undefined ? undefined : table.get(next);
      if (member !== undefined && isPresent(member.state)) return this.#probe(member.id, member.incarnation);
    }
  }

  /** A sign that a member may be gone: probes it now. */
  hint(node: string): void {
    const member = this.#options.table.get(node);
    if (member === undefined || !isPresent(member.state) || this.#probing.size >= maxHinted) return;
    void this.#probe(node, member.incarnation);
  }

  /** A link opened: probes that wait for a link to its node use it. */
  opened(link: Link): void {
    const waiting = this.#awaited.get(link.peer.nodeId);
    this.#awaited.delete(link.peer.nodeId);
    for (const resolve of waiting ?? []) resolve(link);
  }

  /** The body of a probe: the digest of this node's member list, and updates. */
  ping(updates: readonly Update[]): [digest: number, updates: readonly Update[]] {
    return [this.#digest(), updates];
  }

  /** Ends the waits for links; a probe under way accuses no member any more. */
  stop(): void {
    this.#stopped = true;
    this.#awaited.clear();
  }

  async #probe(node: string, incarnation: number): Promise<void> {
    if (this.#probing.has(node)) return;
    this.#probing.add(node);
    try {
      const { awareness, table, self, clock } = this.#options;
      this.#checkLoopDelay();
      const startedAt = clock.monotonic();
      const { acknowledged, nacksMissing } = await this.#check(node);
      if (this.#stopped) return;
      this.#checkLoopDelay();
      // A response may have come and waited for the event loop: a node that was delayed accuses no member.
      if (this.#delayedAt > startedAt) return awareness.add(1);
      if (acknowledged) return awareness.add(-1);
      awareness.add(nacksMissing);
      table.suspect(node, incarnation, { from: self.id });
    } finally {
      this.#probing.delete(node);
    }
  }

  #checkLoopDelay(): void {
    const { loopDelayMs, config, clock } = this.#options;
    if (loopDelayMs() >= config.probeTimeoutMs / 2) this.#delayedAt = clock.monotonic();
  }

  /** Resolves as soon as the node answered, directly or indirectly, or at the end of the interval. */
  #check(node: string): Promise<{ acknowledged: boolean; nacksMissing: number }> {
    const { awareness, config, timers, links } = this.#options;
    const intervalMs = awareness.scale(config.probeIntervalMs);
    const directMs = links.get(node) === undefined ? 0 : awareness.scale(config.probeTimeoutMs);
    return new Promise((resolve) => {
      let requested = 0;
      let answered = 0;
      const end = (acknowledged: boolean): void => {
        cancelIndirect();
        cancelEnd();
        // Without a member to probe through, one nack counts as missing: this node may be the one that is cut off.
        resolve({ acknowledged, nacksMissing: requested === 0 ? 1 : requested - answered });
      };
      const cancelEnd = timers.after(intervalMs, () => end(false));
      const cancelIndirect = timers.after(directMs, () => {
        const helpers = this.#helpersFor(node);
        requested = helpers.length;
        for (const link of helpers) {
          void this.#requestIndirect(link, { node, timeoutMs: intervalMs - directMs }).then((answer) => {
            if (answer !== undefined) answered += 1;
            if (answer === true) end(true);
          });
        }
      });
      void this.#direct(node, intervalMs).then((answered) => {
        if (answered) end(true);
      });
    });
  }

  /** Whether the node answered, be it with an error; waits for a link to the node when there is none. */
  async #direct(node: string, timeoutMs: number): Promise<boolean> {
    const { links, clock, gossip } = this.#options;
    const endsAt = clock.monotonic() + timeoutMs;
    let last: Link | undefined;
    for (let attempt = 0; attempt < maxLinksPerProbe; attempt++) {
      const open = links.get(node);
      const link = open === undefined || open === last ? await this.#nextLink(node, endsAt - clock.monotonic()) : open;
      const leftMs = endsAt - clock.monotonic();
      if (link === undefined || leftMs <= 0) return false;
      last = link;
      try {
        gossip.receive(await link.request(kinds.ping, this.ping(gossip.piggyback(node)), { timeoutMs: leftMs }), node);
        return true;
      } catch (error) {
        if (error instanceof HerdError) return true;
      }
    }
    return false;
  }

  #nextLink(node: string, timeoutMs: number): Promise<Link | undefined> {
    return new Promise((resolve) => {
      const waiting = this.#awaited.get(node) ?? new Set();
      this.#awaited.set(node, waiting);
      const end = (link: Link | undefined): void => {
        cancel();
        waiting.delete(end);
        resolve(link);
      };
      const cancel = this.#options.timers.after(Math.max(0, timeoutMs), () => end(undefined));
      waiting.add(end);
    });
  }

  /** Links to members that can probe a node for this one. */
  #helpersFor(node: string): Link[] {
    const { links, table, config, random } = this.#options;
    const healthy = links.all().filter(({ peer }) => {
      const state = table.get(peer.nodeId)?.state;
      return peer.nodeId !== node && state !== undefined && state !== "suspect" && isPresent(state);
    });
    return sample(healthy, { count: config.indirectChecks, random });
  }

  /**
   * Whether the requested member got an answer of the node (ack, nack); `undefined` when the member itself did not
   * respond.
   */
  async #requestIndirect(
    link: Link,
    { node, timeoutMs }: { readonly node: string; readonly timeoutMs: number },
  ): Promise<boolean | undefined> {
    const { gossip } = this.#options;
    try {
      const answer = await link.request(kinds.indirect, [node, gossip.piggyback(link.peer.nodeId)], { timeoutMs });
      if (!Array.isArray(answer)) return undefined;
      gossip.receive(answer[1], link.peer.nodeId);
      return answer[0] === true;
    } catch {
      return undefined;
    }
  }

  #handlePing(body: unknown, { peer, link }: From): unknown {
    const { gossip, differs } = this.#options;
    const [digest, updates] = Array.isArray(body) ? body : [];
    gossip.receive(updates, peer.nodeId);
    if (digest !== this.#digest()) differs(link);
    return gossip.piggyback(peer.nodeId);
  }

  #digest(): number {
    const { table, self } = this.#options;
    return (table.digest ^ mark(self)) >>> 0;
  }

  async #handleIndirect(body: unknown, { peer, signal }: From): Promise<unknown> {
    const { links, gossip, config } = this.#options;
    const [node, updates] = Array.isArray(body) ? body : [];
    if (!isNodeId(node)) throw new HerdError("request.malformed", "a probe through another names a node");
    gossip.receive(updates, peer.nodeId);
    // The response, and this node's own, must be back before the requester's time is up.
    const timeoutMs = config.probeTimeoutMs * 0.8;
    let acknowledged = false;
    try {
      const answer = await links
        .get(node)
        ?.request(kinds.ping, this.ping(gossip.piggyback(node)), { timeoutMs, signal });
      acknowledged = answer !== undefined;
      if (acknowledged) gossip.receive(answer, node);
    } catch (error) {
      acknowledged = error instanceof HerdError;
    }
    return [acknowledged, gossip.piggyback(peer.nodeId)];
  }
}
