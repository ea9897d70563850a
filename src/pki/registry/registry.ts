// The nodes of the mesh, by proof: grants, admissions, revocations and addresses, and what follows from them.

import { type KeyObject, X509Certificate } from "node:crypto";
import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import { encodeSigned, type Signed } from "../../core/signed.js";
import type { StateFiles } from "../../storage/state-files.js";
import { keyIdentifierOf } from "../x509/certificate.js";
import { type HeldRecord, KeyedRecords } from "./keyed-records.js";
import { describeNode, type NodeRecord, precedes } from "./node-record.js";
import { nodeTree, subtreeOf, type TreeNode } from "./node-tree.js";
import { verifySigned } from "./records.js";
import { registryRules } from "./rules.js";

/** Records that a peer reads of a handshake, at most. */
const handshakeRecordsLimit = 8;

/** A master that is not revoked, and where it is reached as far as known. */
interface MasterAddress {
  /** Node id. */
  readonly node: string;
  readonly name: string;
  readonly url: string | undefined;
  /** `HOST:PORT` that peers dial. */
  readonly peer: string | undefined;
}

/** The fields of a peer certificate that the registry reads: see `PeerIdentity` in src/mesh/ports.ts. */
interface PeerCertificate {
  readonly nodeId: string;
  readonly issuer: string;
  readonly notAfter: number;
}

/** What a registry is made of; `files` are the scope `registry`. */
interface RegistryOptions {
  readonly meshId: string;
  /** PEM. */
  readonly rootCertificate: string;
  readonly files: StateFiles;
  readonly clock: Clock;
  readonly log?: Logger | undefined;
}

/**
 * The registry of a mesh. Its stores take records in any order, and two registries with the same records are equal. A
 * revocation only adds; nothing takes it back. A record whose signer was revoked stays where it was held before, is
 * offered to nobody, and gives way to a copy that a master which still counts has signed ({@link orphans}).
 */
export class Registry {
  readonly grants: KeyedRecords<"grant">;
  readonly admissions: KeyedRecords<"admission">;
  readonly revocations: KeyedRecords<"revocation">;
  readonly addresses: KeyedRecords<"address">;
  readonly meshId: string;
  readonly rootCertificate: string;
  readonly #clock: Clock;
  readonly #log: Logger | undefined;
  readonly #rootKey: KeyObject;
  readonly #nodes = new Map<string, NodeRecord>();
  readonly #revoked = new Set<string>();
  /** Revoked masters by the key identifiers of the CA certificates that they have had. */
  readonly #revokedIssuers = new Map<string, string>();
  readonly #listeners = new Set<(node: string) => void>();

  constructor(options: RegistryOptions) {
    this.meshId = options.meshId;
    this.rootCertificate = options.rootCertificate;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#rootKey = new X509Certificate(options.rootCertificate).publicKey;
    const rules = registryRules(this, {
      clock: options.clock,
      changed: (node) => this.#refresh(node),
    });
    this.grants = new KeyedRecords(rules.grant, options);
    this.admissions = new KeyedRecords(rules.admission, options);
    this.revocations = new KeyedRecords(rules.revocation, options);
    this.addresses = new KeyedRecords(rules.address, options);
  }

  /** Every store, as `RecordStore`s, in the order of their dependencies. */
  get stores() {
    return [this.grants, this.admissions, this.revocations, this.addresses] as const;
  }

  /** Reads what was kept. Throws `internal` naming a file that is damaged. */
  async open(): Promise<void> {
    for (const store of this.stores) await store.open();
  }

  node(id: string): NodeRecord | undefined {
    return this.#nodes.get(id);
  }

  /** The node of a name; where two have it, one that is not revoked, then the one that came first. */
  byName(name: string): NodeRecord | undefined {
    let found: NodeRecord | undefined;
    for (const node of this.#nodes.values()) {
      if (node.name === name && (found === undefined || precedes(node, found))) found = node;
    }
    return found;
  }

  /** Every node that was ever let in, also revoked ones, in no order. */
  nodes(): readonly NodeRecord[] {
    return [...this.#nodes.values()];
  }

  /** Masters that are not revoked. */
  masters(): readonly MasterAddress[] {
    return this.nodes()
      .filter(({ master, revoked }) => master && !revoked)
      .map(({ id, name }) => {
        const address = this.addresses.at(id)?.payload;
        return { node: id, name, url: address?.url, peer: address?.peer ?? undefined };
      });
  }

  /** Whether a node was revoked; O(1). */
  isRevoked(id: string): boolean {
    return this.#revoked.has(id);
  }

  /** Whether the CA with this key identifier (lower-case hex) belongs to a revoked master; O(1). */
  issuerRevoked(keyId: string): boolean {
    return this.#revokedIssuers.has(keyId);
  }

  /** Whether any master was ever revoked: then what masters share may be in wrong hands. */
  get lostMaster(): boolean {
    return this.#revokedIssuers.size > 0;
  }

  /**
   * Throws `auth.invalid` with the reason when a peer may ask for nothing: expired, revoked, issued by a revoked
   * master. O(1).
   */
  check(peer: PeerCertificate): void {
    if (this.#revoked.has(peer.nodeId)) throw new HerdError("auth.invalid", `node ${peer.nodeId} was revoked`);
    if (this.#revokedIssuers.has(peer.issuer)) {
      throw new HerdError("auth.invalid", `the certificate of node ${peer.nodeId} was issued by a revoked master`);
    }
    if (peer.notAfter <= this.#clock.now()) {
      throw new HerdError("auth.invalid", `the certificate of node ${peer.nodeId} has expired`);
    }
  }

  /**
   * The signer of a record, `unknown` when no such node is known yet. Throws `auth.invalid` for a revoked signer and a
   * bad signature.
   */
  verify(signed: Signed): NodeRecord | "unknown" {
    const node = this.#nodes.get(signed.signer);
    if (node === undefined) return "unknown";
    if (node.revoked) throw new HerdError("auth.invalid", `it is signed by node ${node.id}, which was revoked`);
    if (!verifySigned(signed, node.key)) {
      throw new HerdError("auth.invalid", `it is not what node ${node.id} signed`);
    }
    return node;
  }

  /** As {@link verify}, for what a master alone may sign. */
  verifyMaster(signed: Signed): NodeRecord | "unknown" {
    const node = this.verify(signed);
    if (node === "unknown" || node.master) return node;
    // A grant may still be on its way.
    if (this.admissions.at(node.id)?.payload.master) return "unknown";
    throw new HerdError("auth.invalid", `it is signed by node ${node.id}, which is no master`);
  }

  /** Throws `auth.invalid` unless the root signed it. */
  verifyRoot(signed: Signed): void {
    if (signed.signer !== "root" || !verifySigned(signed, this.#rootKey)) {
      throw new HerdError("auth.invalid", "it is not what the root signed");
    }
  }

  /** Calls `listener` with each node once, when its revocation counts; returns the function that ends that. */
  onRevoked(listener: (node: string) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /**
   * The records that introduce a node to a stranger, at most eight: its grant, its admission, and the grant of that
   * one's signer; and the newest revocations of masters, since a peer with a certificate of one gets no other record
   * before it has a new one.
   */
  handshakeRecords(id: string): string[] {
    const introduction = this.introduction(id);
    const revocations = [...this.revocations.values()]
      .filter(({ payload, signed }) => this.#nodes.get(payload.node)?.master === true && !this.isRevoked(signed.signer))
      .sort((a, b) => b.payload.at - a.payload.at);
    return [...introduction, ...revocations.map(({ signed }) => encodeSigned(signed))].slice(0, handshakeRecordsLimit);
  }

  /** The records that introduce a node to a stranger: its grant, its admission, and the grant of that one's signer. */
  introduction(id: string): string[] {
    const admission = this.admissions.at(id);
    const grants = [...new Set([admission?.signed.signer, id])].flatMap((node) =>
      node === undefined ? [] : this.#grantsOf(node).slice(-3),
    );
    return [...grants, ...(admission === undefined ? [] : [admission])].map(({ signed }) => encodeSigned(signed));
  }

  /**
   * The records that prove to a node that it was revoked, or the master whose CA (by its key identifier) issued its
   * certificate, at most eight; none when neither was.
   */
  revocationProof(id: string, issuer = ""): string[] {
    const revocation = this.revocations.at(id) ?? this.revocations.at(this.#revokedIssuers.get(issuer) ?? "");
    if (revocation === undefined) return [];
    return [...this.introduction(revocation.signed.signer), encodeSigned(revocation.signed)];
  }

  /**
   * `wanted`, with the lowest number that makes it a name which no identity of the mesh holds, revoked ones included.
   */
  freeName(wanted: string): string {
    const taken = new Set(this.nodes().map(({ name }) => name));
    if (!taken.has(wanted)) return wanted;
    for (let number = 2; ; number++) {
      const suffix = `-${number}`;
      const name = wanted.slice(0, 63 - suffix.length).replace(/-+$/, "") + suffix;
      if (!taken.has(name)) return name;
    }
  }

  /**
   * Records that are held but whose signer was revoked, by kind and payload: what a master that still counts signs
   * again, so that nodes which come later get them too.
   */
  orphans(): { readonly kind: "admission" | "revocation"; readonly payload: string }[] {
    return [...this.admissions.values(), ...this.revocations.values()]
      .filter(({ signed }) => this.isRevoked(signed.signer))
      .map(({ payload: { kind }, signed: { payload } }) => ({ kind, payload }));
  }

  /**
   * The nodes, each below the node that let it in; `stateOf`: a node's state as a member. `undefined` while no node is
   * known.
   */
  tree(stateOf: (id: string) => string): TreeNode | undefined {
    return nodeTree(this.nodes(), stateOf);
  }

  /** Ids of a node and of all that it let in, directly or not, itself first. */
  subtree(id: string): string[] {
    return subtreeOf(this.nodes(), id);
  }

  #grantsOf(node: string): HeldRecord<"grant">[] {
    return [...this.grants.values()]
      .filter(({ payload }) => payload.node === node)
      .sort((a, b) => a.payload.at - b.payload.at);
  }

  /** Brings what is derived of a node up to date with its records. */
  #refresh(id: string): void {
    const revoked = this.revocations.at(id) !== undefined;
    const grants = this.#grantsOf(id);
    const newest = { admission: this.admissions.at(id)?.payload, grant: grants.at(-1)?.payload };
    const node = describeNode(newest, revoked);
    if (node !== undefined) this.#nodes.set(id, node);
    if (!revoked) return;
    for (const { payload } of grants) this.#revokedIssuers.set(keyIdentifierOf(payload.certificate), id);
    if (this.#revoked.has(id)) return;
    this.#revoked.add(id);
    for (const listener of this.#listeners) {
      try {
        listener(id);
      } catch (cause) {
        // The other listeners must be called: one of them cuts the link.
        this.#log?.error("a revocation was not followed everywhere", { node: id, cause });
      }
    }
  }
}
