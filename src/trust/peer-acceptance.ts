// Whether the peers of a node accept it, why not, and what its owner can do. Logged at each change, then rarely.

import type { Clock } from "../core/clock.js";
import { clockToleranceMs, skewText, spanText } from "../core/clock-skew.js";
import type { Logger } from "../core/log.js";
import type { Refusal } from "../mesh/ports.js";
import { isLater, type ProcessInstance } from "../mesh/transport/duplicate-process-detector.js";
import type { Identity } from "../pki/identity/identity.js";
import type { Registry } from "../pki/registry/registry.js";
import { isLockedOut } from "./leaf-renewal.js";

/** Why a node is not ready, with what its calls are answered, and what to do about it. */
export interface NotReady {
  readonly code: "node.revoked" | "node.unavailable";
  readonly reason: string;
}

/** Dependencies of {@link PeerAcceptance}. */
interface PeerAcceptanceOptions {
  /** Path of the state folder, for the advice to people. */
  readonly state: string;
  readonly identity: Pick<Identity, "nodeId" | "isMaster" | "peerLeaf">;
  readonly registry: Pick<Registry, "isRevoked" | "lostMaster" | "issuerRevoked">;
  /** This process. */
  readonly own: ProcessInstance;
  readonly clock: Clock;
  readonly log: Logger;
  readonly nameOf: (id: string) => string;
  /** How many links are open. */
  readonly links: () => number;
}

/**
 * A refusal, and a duplicate process, count for so long after the last sign of them, ms: nodes dial each other again
 * every ten seconds.
 */
const freshMs = 60_000;

/** Gathers what peers report of this node. */
export class PeerAcceptance {
  readonly #options: PeerAcceptanceOptions;
  #refusal: { readonly text: string; readonly at: number } | undefined;
  #duplicate: { readonly process: ProcessInstance; readonly at: number } | undefined;
  #renewal: string | undefined;

  constructor(options: PeerAcceptanceOptions) {
    this.#options = options;
  }

  /** Receives a handshake in which this node refused the peer, or the peer this node. */
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

  /** Receives how far the clock of a peer is ahead of this machine's, ms. */
  readonly clockSkew = ({ nodeId }: { readonly nodeId: string }, skewMs: number): void => {
    const { log, nameOf } = this.#options;
    const text = Math.abs(skewMs) > clockToleranceMs ? skewText(skewMs, nameOf(nodeId)) : undefined;
    if (text !== undefined)
      log.warn("clocks differ: certificates and records may be refused for it", { reason: text, repeat: nodeId });
  };

  /** Receives another process with this identity, which proved that it lives. */
  readonly duplicated = (process: ProcessInstance): void => {
    const { log, clock } = this.#options;
    this.#duplicate = { process, at: clock.monotonic() };
    log.error(this.#duplicateText(process), { address: process.address, repeat: process.instance });
  };

  /**
   * Receives how a request for a peer certificate went; without an error: well. Returns whether the failure was logged.
   */
  readonly renewalRequested = (error?: unknown): boolean => {
    this.#renewal = error instanceof Error ? error.message : undefined;
    if (error === undefined || !isLockedOut(this.#options)) return false;
    this.#options.log.error("no peer takes this node", {
      reason: this.#lockedOutText(),
      repeat: kindOf(this.#renewal ?? ""),
    });
    return true;
  };

  /** Why this node's peers do not accept it; empty when they do, or when it is alone. */
  reasons(): NotReady[] {
    const { identity, registry, own, links, state } = this.#options;
    if (registry.isRevoked(identity.nodeId)) {
      const reason =
        "this node was revoked from its mesh: to join again as a new node, start with another " +
        `--state than ${state}`;
      return [{ code: "node.revoked", reason }];
    }
    const reasons: string[] = [];
    const duplicate = this.#fresh(this.#duplicate)?.process;
    if (duplicate !== undefined && !isLater(own, duplicate)) reasons.push(this.#duplicateText(duplicate));
    if (isLockedOut(this.#options)) reasons.push(this.#lockedOutText());
    const refusal = this.#fresh(this.#refusal);
    if (reasons.length === 0 && refusal !== undefined && links() === 0) {
      reasons.push(`no peer takes this node, which asks again by itself; the last that refused it was ${refusal.text}`);
    }
    return reasons.map((reason) => ({ code: "node.unavailable", reason }));
  }

  #lockedOutText(): string {
    const { identity, clock, state } = this.#options;
    const { notBefore, notAfter } = identity.peerLeaf();
    const [now, today] = [clock.now(), new Date(clock.now()).toISOString()];
    const why =
      now >= notAfter
        ? `ended ${spanText(now - notAfter)} ago`
        : now < notBefore
          ? `begins only in ${spanText(notBefore - now)} by the clock of this machine (${today}), which must be behind`
          : "was signed by a master that was revoked";
    const answer = this.#renewal === undefined ? "" : `; the last answer: ${this.#renewal}`;
    return (
      `this node is locked out of its mesh: its certificate ${why}. It asks the masters for a new one by ` +
      `itself${answer}. If they do not give one, start it with --join URL --token TOKEN and its state ` +
      `${state} (on a master: herd token create --role join)`
    );
  }

  #duplicateText(duplicate: ProcessInstance): string {
    const { address, started } = duplicate;
    const since = new Date(started).toISOString();
    const what = isLater(this.#options.own, duplicate)
      ? "peers keep this one, which began later"
      : "peers keep that one, which began later, and refuse this one";
    return (
      `another process with this node's identity runs at ${address}, since ${since}: ${what}. Stop one of ` +
      "them; a copy of a state folder is not another node (start it with another --state)"
    );
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
