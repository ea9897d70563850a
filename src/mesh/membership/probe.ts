// Asking members whether they are there (SWIM, section 3.1): each in turn, directly, then through others.

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
  /** The longest that this process's event loop was held up since the last call, in milliseconds. */
  readonly loopDelayMs: () => number;
  /** A peer sees other members than this node: they should compare. */
  readonly differs: (link: Link) => void;
}

/** Probes beside the regular one, after links broke: when all break at once it is this node that is off. */
const maxHinted = 16;
/** Links that one direct probe may use up, each broken under it. */
const maxLinksPerProbe = 3;
const messageOf = { ping: "ping", through: "ping-req" } as const;

/** Probes members and answers probes. */
export class Prober {
  readonly #options: ProberOptions;
  readonly #probing = new Set<string>();
  readonly #awaited = new Map<string, Set<(link: Link) => void>>();
  #order: string[] = [];
  /** When this node last learned that its own event loop had been held up. */
  #heldUpAt = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(options: ProberOptions) {
    this.#options = options;
    options.links.handle(messageOf.ping, (body, from) => this.#answer(body, from));
    options.links.handle(messageOf.through, (body, from) => this.#answerThrough(body, from));
  }

  /** Probes the next member: all of them once, in random order, before any of them again. */
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

  /** A sign that a member may be gone: it is probed now. */
  hint(node: string): void {
    const member = this.#options.table.get(node);
    if (member === undefined || !isPresent(member.state) || this.#probing.size >= maxHinted) return;
    void this.#probe(node, member.incarnation);
  }

  /** A link opened: probes that wait for one to this node use it. */
  opened(link: Link): void {
    const waiting = this.#awaited.get(link.peer.nodeId);
    this.#awaited.delete(link.peer.nodeId);
    for (const resolve of waiting ?? []) resolve(link);
  }

  /** The body of a probe: what this node sees, in short, and news. */
  ping(news: readonly Update[]): [digest: number, news: readonly Update[]] {
    return [this.#digest(), news];
  }

  /** Ends what waits; a probe under way accuses nobody any more. */
  stop(): void {
    this.#stopped = true;
    this.#awaited.clear();
  }

  async #probe(node: string, incarnation: number): Promise<void> {
    if (this.#probing.has(node)) return;
    this.#probing.add(node);
    try {
      const { awareness, table, self, clock } = this.#options;
      this.#lookAtLoop();
      const startedAt = clock.monotonic();
      const { acknowledged, nacksMissing } = await this.#check(node);
      if (this.#stopped) return;
      this.#lookAtLoop();
      // An answer may have come and waited: whoever was not looking accuses nobody.
      if (this.#heldUpAt > startedAt) return awareness.add(1);
      if (acknowledged) return awareness.add(-1);
      awareness.add(nacksMissing);
      table.suspect(node, incarnation, { from: self.id });
    } finally {
      this.#probing.delete(node);
    }
  }

  #lookAtLoop(): void {
    const { loopDelayMs, config, clock } = this.#options;
    if (loopDelayMs() >= config.probeTimeoutMs / 2) this.#heldUpAt = clock.monotonic();
  }

  /** Resolves as soon as the node was heard from, or at the end of the interval. */
  #check(node: string): Promise<{ acknowledged: boolean; nacksMissing: number }> {
    const { awareness, config, timers, links } = this.#options;
    const intervalMs = awareness.scale(config.probeIntervalMs);
    const directMs = links.get(node) === undefined ? 0 : awareness.scale(config.probeTimeoutMs);
    return new Promise((resolve) => {
      let asked = 0;
      let answered = 0;
      const end = (acknowledged: boolean): void => {
        cancelIndirect();
        cancelEnd();
        // Nobody to ask counts as one silence: it may well be this node that hears nothing.
        resolve({ acknowledged, nacksMissing: asked === 0 ? 1 : asked - answered });
      };
      const cancelEnd = timers.after(intervalMs, () => end(false));
      const cancelIndirect = timers.after(directMs, () => {
        const through = this.#through(node);
        asked = through.length;
        for (const link of through) {
          void this.#askThrough(link, { node, timeoutMs: intervalMs - directMs }).then((answer) => {
            if (answer !== undefined) answered += 1;
            if (answer === true) end(true);
          });
        }
      });
      void this.#direct(node, intervalMs).then((heard) => {
        if (heard) end(true);
      });
    });
  }

  /** True once the node answered anything; waits for a link to it when there is none. */
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
        gossip.receive(
          await link.request(messageOf.ping, this.ping(gossip.piggyback(node)), { timeoutMs: leftMs }),
          node,
        );
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

  /** Others that can be asked to probe a node. */
  #through(node: string): Link[] {
    const { links, table, config, random } = this.#options;
    const healthy = links.all().filter(({ peer }) => {
      const state = table.get(peer.nodeId)?.state;
      return peer.nodeId !== node && state !== undefined && state !== "suspect" && isPresent(state);
    });
    return sample(healthy, { count: config.indirectChecks, random });
  }

  /** Whether the other got an answer; `undefined` when it said nothing. */
  async #askThrough(
    link: Link,
    { node, timeoutMs }: { readonly node: string; readonly timeoutMs: number },
  ): Promise<boolean | undefined> {
    const { gossip } = this.#options;
    try {
      const answer = await link.request(messageOf.through, [node, gossip.piggyback(link.peer.nodeId)], { timeoutMs });
      if (!Array.isArray(answer)) return undefined;
      gossip.receive(answer[1], link.peer.nodeId);
      return answer[0] === true;
    } catch {
      return undefined;
    }
  }

  #answer(body: unknown, { peer, link }: From): unknown {
    const { gossip, differs } = this.#options;
    const [digest, news] = Array.isArray(body) ? body : [];
    gossip.receive(news, peer.nodeId);
    if (digest !== this.#digest()) differs(link);
    return gossip.piggyback(peer.nodeId);
  }

  #digest(): number {
    const { table, self } = this.#options;
    return (table.digest ^ mark(self)) >>> 0;
  }

  async #answerThrough(body: unknown, { peer, signal }: From): Promise<unknown> {
    const { links, gossip, config } = this.#options;
    const [node, news] = Array.isArray(body) ? body : [];
    if (!isNodeId(node)) throw new HerdError("request.malformed", "a probe through another names a node");
    gossip.receive(news, peer.nodeId);
    // An answer, also this one, has to be back before the asker's time is up.
    const timeoutMs = config.probeTimeoutMs * 0.8;
    let acknowledged = false;
    try {
      const answer = await links
        .get(node)
        ?.request(messageOf.ping, this.ping(gossip.piggyback(node)), { timeoutMs, signal });
      acknowledged = answer !== undefined;
      if (acknowledged) gossip.receive(answer, node);
    } catch (error) {
      acknowledged = error instanceof HerdError;
    }
    return [acknowledged, gossip.piggyback(peer.nodeId)];
  }
}
