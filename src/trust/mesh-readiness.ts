// How a node stands in its mesh: whether its peers take it, why not, and what its owner can do. Said once at each
// change, then rarely.

import type { Clock } from "../core/clock.js";
import { clockToleranceMs, skewText, spanText } from "../core/clock-skew.js";
import type { Logger } from "../core/log.js";
import type { Refusal } from "../mesh/ports.js";

/** Why a node is not ready, with what its calls are answered, and what to do about it. */
export interface NotReady {
  readonly code: "node.revoked" | "node.unavailable";
  readonly reason: string;
}

/** A process with this node's identity. `started` is epoch ms by its clock. */
export interface Rival {
  readonly instance: string;
  readonly started: number;
  readonly address: string;
}

/** What the readiness is made from. */
export interface MeshReadinessOptions {
  readonly state: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly nameOf: (id: string) => string;
  /** Whether this node was revoked; the life of its peer certificate (epoch ms); whether no peer takes that. */
  readonly isRevoked: () => boolean;
  readonly certificate: () => { readonly notBefore: number; readonly notAfter: number };
  readonly isLockedOut: () => boolean;
  readonly links: () => number;
  /** Whether this process began later than that one: then peers keep this one. */
  readonly isKept: (rival: Rival) => boolean;
}

/**
 * A refusal, and a rival, count for so long after the last sign of them, ms: nodes dial each other again every ten
 * seconds.
 */
const freshMs = 60_000;

/** Gathers what peers say of this node. */
export class MeshReadiness {
  readonly #options: MeshReadinessOptions;
  #refusal: { readonly text: string; readonly at: number } | undefined;
  #rival: { readonly rival: Rival; readonly at: number } | undefined;
  #renewal: string | undefined;

  constructor(options: MeshReadinessOptions) {
    this.#options = options;
  }

  /** A peer that this node refuses, or that refuses this node. */
  readonly refused = ({ by, node, address, reason, skewMs }: Refusal): void => {
    const { log, nameOf, clock } = this.#options;
    const peer = node === undefined ? "a stranger" : nameOf(node);
    const skew = skewText(skewMs, peer);
    const text = skew === undefined ? reason : `${reason}; ${skew}`;
    const details = { peer, address, reason: text, repeat: `${node ?? hostOf(address)} ${kindOf(reason)}` };
    if (by === "this node") {
      log.warn("a peer was refused", details);
      return;
    }
    this.#refusal = { text: `${peer} (${address ?? "no address"}): ${text}`, at: clock.monotonic() };
    log.warn("a peer refuses this node", details);
  };

  /** A peer whose clock is so far ahead of this machine's, ms. */
  readonly clockSkew = ({ nodeId }: { readonly nodeId: string }, skewMs: number): void => {
    const { log, nameOf } = this.#options;
    const text = Math.abs(skewMs) > clockToleranceMs ? skewText(skewMs, nameOf(nodeId)) : undefined;
    if (text !== undefined)
      log.warn("clocks differ: certificates and records may be refused for it", { reason: text, repeat: nodeId });
  };

  /** Another process with this identity proved that it lives. */
  readonly rivalled = (rival: Rival): void => {
    const { log, clock } = this.#options;
    this.#rival = { rival, at: clock.monotonic() };
    log.error(this.#rivalText(rival), { address: rival.address, repeat: rival.instance });
  };

  /** How asking for a peer certificate went; without an error: well. Whether that was logged here. */
  asked(error?: unknown): boolean {
    this.#renewal = error instanceof Error ? error.message : undefined;
    if (error === undefined || !this.#options.isLockedOut()) return false;
    this.#options.log.error("no peer takes this node", {
      reason: this.#shutOutText(),
      repeat: kindOf(this.#renewal ?? ""),
    });
    return true;
  }

  /** The process with this identity that proved lately that it lives. */
  get rival(): Rival | undefined {
    return this.#fresh(this.#rival)?.rival;
  }

  /** Why this node's peers do not take it; nothing when they do, or when it is alone. */
  reasons(): NotReady[] {
    const { isRevoked, isLockedOut, links, state } = this.#options;
    if (isRevoked()) {
      const reason = `this node was revoked from its mesh: to join again as a new node, start with another --state than ${state}`;
      return [{ code: "node.revoked", reason }];
    }
    const reasons: string[] = [];
    const { rival } = this;
    if (rival !== undefined && !this.#options.isKept(rival)) reasons.push(this.#rivalText(rival));
    if (isLockedOut()) reasons.push(this.#shutOutText());
    const refusal = this.#fresh(this.#refusal);
    if (reasons.length === 0 && refusal !== undefined && links() === 0) {
      reasons.push(`no peer takes this node, which asks again by itself; the last that refused it was ${refusal.text}`);
    }
    return reasons.map((reason) => ({ code: "node.unavailable", reason }));
  }

  #shutOutText(): string {
    const { certificate, clock, state } = this.#options;
    const { notBefore, notAfter } = certificate();
    const [now, today] = [clock.now(), new Date(clock.now()).toISOString()];
    const why =
      now >= notAfter
        ? `ended ${spanText(now - notAfter)} ago`
        : now < notBefore
          ? `begins only in ${spanText(notBefore - now)} by the clock of this machine (${today}), which must be behind`
          : "was signed by a master that was revoked";
    const answer = this.#renewal === undefined ? "" : `; the last answer: ${this.#renewal}`;
    return `this node is locked out of its mesh: its certificate ${why}. It asks the masters for a new one by itself${answer}. If they do not give one, start it with --join URL --token TOKEN and its state ${state} (on a master: herd token create --role join)`;
  }

  #rivalText(rival: Rival): string {
    const { address, started } = rival;
    const since = new Date(started).toISOString();
    const what = this.#options.isKept(rival)
      ? "peers keep this one, which began later"
      : "peers keep that one, which began later, and refuse this one";
    return `another process with this node's identity runs at ${address}, since ${since}: ${what}. Stop one of them; a copy of a state folder is not another node (start it with another --state)`;
  }

  #fresh<Sign extends { readonly at: number }>(sign: Sign | undefined): Sign | undefined {
    return sign !== undefined && this.#options.clock.monotonic() - sign.at < freshMs ? sign : undefined;
  }
}

/** The host of `HOST:PORT`: ports change with each connection. */
function hostOf(address: string | undefined): string {
  return address?.replace(/:\d*$/, "") ?? "";
}

/** A reason without what changes from one time to the next: spans, times, numbers. */
function kindOf(reason: string): string {
  return reason.replace(/\d[\d:.TZ-]*( (day|hour|minute|second)s?)?/g, "");
}
