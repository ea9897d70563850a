// Duplicate processes, two with one identity, as this node finds them: of other nodes, when both shake hands with this
// one, and of itself, when a peer proves the other one.

import { LRUCache } from "lru-cache";
import type { Clock } from "../core/clock.js";
import { HerdError } from "../core/errors.js";
import type { Logger } from "../core/log.js";
import type { Signed } from "../core/signed.js";
import { TokenBuckets } from "../core/token-buckets.js";
import type { DuplicateDetectorOptions, ProcessInstance } from "../mesh/transport/duplicate-process-detector.js";
import type { Identity } from "../pki/identity/identity.js";
import { livenessProof, livenessRequestShape, readLivenessProof } from "../pki/identity/liveness-proof.js";
import type { AuditEvent } from "../pki/registry/audit-record.js";
import { verifySigned } from "../pki/registry/records.js";
import type { Registry } from "../pki/registry/registry.js";

/** What {@link DuplicateProcesses} works with. */
interface DuplicateProcessesOptions {
  readonly identity: Pick<Identity, "meshId" | "signer" | "isMaster">;
  readonly registry: Pick<Registry, "node">;
  /** This process. */
  readonly own: ProcessInstance;
  readonly clock: Clock;
  readonly log: Logger;
  readonly nameOf: (id: string) => string;
  /** Receives another process with this node's identity. */
  readonly duplicated: (process: ProcessInstance) => void;
  /** Writes to the audit log; masters do that alone. */
  readonly audit: (event: AuditEvent) => void;
}

/**
 * A pair counts for so long after both last proved that they live, ms: the one that is refused dials again every ten
 * seconds.
 */
const freshMs = 60_000;
/** A node's pairs are put on record at most this often, ms, and one pair once. */
const auditEveryMs = 600_000;
const capacity = 1_024;

/** Pairs of processes with one identity. */
export class DuplicateProcesses {
  readonly #options: DuplicateProcessesOptions;
  readonly #pairs = new LRUCache<
    string,
    { readonly pair: readonly [ProcessInstance, ProcessInstance]; readonly at: number }
  >({ max: capacity });
  readonly #audited = new LRUCache<string, { readonly pair: string; readonly at: number }>({ max: capacity });
  /** A proof costs a signature. */
  readonly #budget: TokenBuckets;

  constructor(options: DuplicateProcessesOptions) {
    this.#options = options;
    this.#budget = new TokenBuckets({ clock: options.clock, burst: 20, perSecond: 1 });
  }

  /** What the links need. */
  get detection(): DuplicateDetectorOptions {
    return {
      readProof: (text, { node, saw }) => this.#read(text, node, saw),
      found: (node, pair) => this.#found(node, pair),
    };
  }

  /**
   * Answers a peer that shakes hands with another process of this identity: proves that this one lives. Throws
   * `request.malformed` and `request.throttled`.
   */
  answer(body: unknown, peer: string): string {
    const { identity, own, duplicated } = this.#options;
    const { meshId: mesh, signer } = identity;
    const { data } = livenessRequestShape.safeParse(body);
    if (data === undefined) throw new HerdError("request.malformed", "the request for a proof cannot be read");
    if (!this.#budget.has(peer))
      throw new HerdError("request.throttled", "too many requests for a proof", { retryAfterSeconds: 1 });
    this.#budget.take(peer);
    const other = data.proof === null ? undefined : this.#read(data.proof, signer.nodeId, own.instance);
    if (other !== undefined && other.instance === data.instance && other.instance !== own.instance) duplicated(other);
    return livenessProof(own, { mesh, signer, saw: data.instance });
  }

  /** Where the processes of a node are that proved lately to be two. */
  of(node: string): readonly string[] {
    const found = this.#pairs.peek(node);
    if (found === undefined || this.#options.clock.monotonic() - found.at >= freshMs) return [];
    return found.pair.map(({ address }) => address);
  }

  #read(text: string, node: string, saw: string): ProcessInstance | undefined {
    const { identity, registry } = this.#options;
    const verify = (signed: Signed): boolean => {
      const signer = registry.node(signed.signer);
      return signer !== undefined && verifySigned(signed, signer.key);
    };
    return readLivenessProof(text, { mesh: identity.meshId, node, saw, verify });
  }

  #found(node: string, pair: readonly [ProcessInstance, ProcessInstance]): void {
    const { identity, clock, log, nameOf, audit } = this.#options;
    const at = clock.monotonic();
    this.#pairs.set(node, { pair, at });
    const [kept, refused] = pair.map(({ address }) => address);
    const details = { twin: nameOf(node), kept, refused, repeat: pair.map(({ instance }) => instance).join(" ") };
    log.error("two processes run with one identity", details);
    const before = this.#audited.peek(node);
    const isNew = before?.pair !== details.repeat && (before === undefined || at - before.at >= auditEveryMs);
    if (!identity.isMaster || !isNew) return;
    this.#audited.set(node, { pair: details.repeat, at });
    const detail = `${nameOf(node)} runs twice: kept ${kept}, refused ${refused}`;
    audit({ event: "node.duplicated", by: "mesh", subject: node, detail });
  }
}
