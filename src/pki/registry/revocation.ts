// Ending memberships: a master revokes nodes, and signs again what a revoked master had rightly signed before.

import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import { SerialQueue } from "../../core/serial-queue.js";
import { encodeSigned, type Signer } from "../../core/signed.js";
import type { AuditEvent } from "./audit-record.js";
import type { NodeRecord } from "./node-record.js";
import { payloadText } from "./records.js";
import type { Registry } from "./registry.js";

/** A record whose signer was revoked: its kind, and what a master that still counts signs again. */
interface Orphan {
  readonly kind: string;
  readonly payload: string;
}

/** What a {@link Revoker} works with. `publish` accepts a record here and spreads it (mesh `Replica`). */
interface RevokerOptions {
  readonly registry: Registry;
  /** This node's. */
  readonly signer: Signer;
  readonly clock: Clock;
  readonly log: Logger;
  readonly publish: (kind: string, text: string) => Promise<void>;
  readonly audit: (event: AuditEvent) => Promise<void>;
  /** Other holders of records that masters sign again, such as the ledger of tokens. */
  readonly alsoRepeats?: readonly { orphans(): readonly Orphan[] }[];
}

/**
 * Revokes nodes; on masters, signs again what revoked masters had signed. Started and stopped like any part of a node.
 */
export class Revoker {
  readonly #options: RevokerOptions;
  readonly #repeating = new SerialQueue();
  #unsubscribe: (() => void) | undefined;

  constructor(options: RevokerOptions) {
    this.#options = options;
  }

  /** From now on repeats what has to be, also what a crash left over. */
  start(): void {
    const { registry } = this.#options;
    this.#unsubscribe ??= registry.onRevoked(() => this.#repeat());
    this.#repeat();
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    await this.#repeating.idle();
  }

  /**
   * Revokes a node (id or name), with `subtree` also everyone it let in; `by` names the requester. Returns the ids that
   * were not revoked before. Throws `node.unknown`; `auth.forbidden` unless this node is a master; `state.conflict`
   * where it would end this master or the last one.
   */
  async revoke(node: string, options: { readonly subtree: boolean; readonly by: string }): Promise<string[]> {
    const { registry } = this.#options;
    const target = registry.node(node) ?? registry.byName(node);
    if (target === undefined)
      throw new HerdError("node.unknown", `no node is called ${JSON.stringify(node.slice(0, 64))}`);
    const ids = options.subtree ? registry.subtree(target.id) : [target.id];
    const targets = ids.flatMap((id) => registry.node(id) ?? []).filter(({ revoked }) => !revoked);
    this.#checkMasters(targets);
    const [first, ...rest] = targets;
    if (first === undefined) return [];
    // The one that was named goes first and alone: it is the one that may be doing harm.
    await this.#end(first, { target, by: options.by });
    const others = await Promise.allSettled(rest.map((each) => this.#end(each, { target, by: options.by })));
    const failed = others.find((end) => end.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    return targets.map(({ id }) => id);
  }

  /** Each one is recorded once it is revoked, whatever becomes of the next. */
  async #end(node: NodeRecord, { target, by }: { target: NodeRecord; by: string }): Promise<void> {
    await this.#publish(node, { target: target.id, by });
    const detail = node.id === target.id ? node.name : `${node.name}, let in below ${target.name}`;
    await this.#options.audit({ event: "node.revoked", by, subject: node.id, detail });
  }

  async #publish(node: NodeRecord, { target, by }: { target: string; by: string }): Promise<void> {
    const { registry, signer, clock, publish } = this.#options;
    const payload = payloadText({
      kind: "revocation",
      mesh: registry.meshId,
      node: node.id,
      at: clock.now(),
      by,
      ...(node.id === target ? {} : { subtreeOf: target }),
    });
    await publish("revocation", encodeSigned(signer.sign(payload)));
  }

  #checkMasters(targets: readonly NodeRecord[]): void {
    const { registry, signer } = this.#options;
    if (!this.#isMaster()) throw new HerdError("auth.forbidden", "only a master revokes");
    const ends = new Set(targets.map(({ id }) => id));
    const left = registry.masters().filter(({ node }) => !ends.has(node));
    const [other] = left;
    if (other === undefined) {
      throw new HerdError("state.conflict", "the last master cannot be revoked: make another node a master first");
    }
    if (ends.has(signer.nodeId)) {
      throw new HerdError("state.conflict", `a master cannot revoke itself: ask another one, such as ${other.name}`);
    }
  }

  #isMaster(): boolean {
    const { registry, signer } = this.#options;
    const self = registry.node(signer.nodeId);
    return self?.master === true && !self.revoked;
  }

  #repeat(): void {
    const { registry, signer, publish, log, alsoRepeats = [] } = this.#options;
    this.#repeating
      .run(async () => {
        if (!this.#isMaster()) return;
        for (const { kind, payload } of [registry, ...alsoRepeats].flatMap((source) => [...source.orphans()])) {
          await publish(kind, encodeSigned(signer.sign(payload)));
        }
      })
      .catch((cause: unknown) => log.error("what a revoked master had said could not all be repeated", { cause }));
  }
}
