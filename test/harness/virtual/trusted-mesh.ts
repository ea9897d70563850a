// A mesh on simulated wires whose nodes trust by a real registry: real keys, records and signatures, wired as in a
// node.

import type { Membership } from "../../../src/mesh/membership/members.js";
import type { RecordReplica } from "../../../src/mesh/replication/replica.js";
import type { LinkSet } from "../../../src/mesh/transport/link-set.js";
import { bootstrapRecords } from "../../../src/pki/join/bootstrap-records.js";
import { Registry } from "../../../src/pki/registry/registry.js";
import { Revoker } from "../../../src/pki/registry/revocation.js";
import { keyIdentifierOf } from "../../../src/pki/x509/certificate.js";
import { MemoryFiles } from "../../../src/storage/state-files.js";
import { meshParts } from "../../../src/trust/mesh-parts.js";
import { acceptRecords } from "../../../src/trust/records-intake.js";
import { silent } from "../../pki/audit/silent-log.js";
import { PaperMesh, type PaperNode } from "../../pki/mesh-records.js";
import type { Simulation } from "./simulation.js";

const paper = await PaperMesh.found();
const nodeCount = 9;
const first = await paper.master("m0");
const otherMasters = await Promise.all(["m1", "m2"].map((name) => paper.master(name)));
const masters = [first, ...otherMasters];
const plain = Array.from({ length: nodeCount }, (_, index) => paper.node(`n${index}`));
const founding = [paper.grant(first), paper.admission(first, { master: first, parent: null, approvedBy: "founder" })];

/** The node at which each node joined: masters at the first one, every other node at a node before it. */
const parents = new Map<PaperNode, PaperNode>([
  ...otherMasters.map((master) => [master, first] as const),
  ...plain.map((node, index) => [node, plain[(index >> 1) - 1] ?? first] as const),
]);
/** The master that signed each admission: in turn. */
const issuers = new Map<PaperNode, PaperNode>([
  ...masters.map((master) => [master, first] as const),
  ...plain.map((node, index) => [node, masters[index % masters.length] ?? first] as const),
]);

/** The records of a node before any revocation. */
function recordsOf(node: PaperNode): string[] {
  const content = { node: node.id, url: `https://${node.name}:8443`, peer: addressOf(node.id) };
  if (node === first) return [...founding, paper.record("address", content, node)];
  const admission = paper.admission(node, { master: issuers.get(node) ?? first, parent: parents.get(node) ?? first });
  if (node.certificate === undefined) return [admission];
  return [paper.grant(node), admission, paper.record("address", content, node)];
}
const records = new Map([...masters, ...plain].map((node) => [node.name, recordsOf(node)]));

/** The mesh's keys and records, from which tests forge what its nodes would not send. */
export const paperMesh = paper;

/** The keys and records of a node by name: `m0` to `m2` are masters, `n0` to `n8` are not. */
export function paperNode(name: string): PaperNode {
  return [...masters, ...plain].find((node) => node.name === name) ?? never();
}

const keyIds = new Map(masters.map((master) => [master, keyIdentifierOf(master.certificate ?? "")]));

function keyIdOf(master: PaperNode): string {
  return keyIds.get(master) ?? "";
}

function addressOf(id: string): string {
  return `n-${id}:1`;
}

function never(): never {
  throw new TypeError("no such node");
}

/** One process of a node. */
export class TrustedNode {
  readonly name: string;
  readonly paper: PaperNode;
  readonly files: MemoryFiles;
  readonly registry: Registry;
  readonly links: LinkSet;
  readonly members: Membership;
  readonly replica: RecordReplica;
  readonly revoker: Revoker;

  constructor(mesh: TrustedMesh, name: string, files: MemoryFiles) {
    this.name = name;
    this.paper = paperNode(name);
    this.files = files;
    const { id, signer } = this.paper;
    const host = mesh.simulation.host(name, { identity: this.#identity() });
    const { clock, timers, random, network } = host;
    const { meshId, root } = paper;
    this.registry = new Registry({ meshId, rootCertificate: root.certificate, files, clock });
    const peer = addressOf(id);
    const parts = meshParts(
      {
        identity: { nodeId: id, meshId, signer },
        clock,
        timers,
        random,
        log: silent,
        url: `https://${name}:8443`,
        peer,
      },
      {
        network,
        registry: this.registry,
        addresses: { remembered: mesh.addresses(id), remember: () => undefined },
      },
    );
    this.links = parts.links;
    this.members = parts.members;
    this.replica = parts.replica(this.registry.stores);
    const publish = (kind: string, text: string) => this.replica.publish(kind, text);
    const { registry } = this;
    this.revoker = new Revoker({ registry, signer, clock, log: silent, publish, audit: async () => undefined });
  }

  get id(): string {
    return this.paper.id;
  }

  /**
   * The content of the node's peer certificate. When its master is revoked, the node gets another certificate as soon
   * as it knows; how, is tested in test/pki, and with processes in two-masters.test.ts.
   */
  #identity(): { readonly nodeId: string; readonly issuer: string } {
    const { id } = this.paper;
    const isRevoked = (node: string): boolean => this.registry?.isRevoked(node) === true;
    const by = issuers.get(this.paper) ?? this.paper;
    const issuer = (): PaperNode => (isRevoked(by.id) ? (masters.find((each) => !isRevoked(each.id)) ?? by) : by);
    return {
      nodeId: id,
      get issuer() {
        return keyIdOf(issuer());
      },
    };
  }

  /** Reads the kept records, adds those that a joining node receives, and starts. */
  async start(records: readonly string[]): Promise<void> {
    await this.registry.open();
    await acceptRecords(records, this.registry.stores);
    this.revoker.start();
    this.members.start();
    this.replica.start();
    await this.links.start();
  }

  /** Ids that this node counts as revoked, sorted. */
  revoked(): string[] {
    return this.registry
      .nodes()
      .filter(({ revoked }) => revoked)
      .map(({ id }) => id)
      .sort();
  }

  /** Whether this node has no link to a node and does not see it as a member. */
  isRidOf(id: string): boolean {
    return this.registry.isRevoked(id) && this.links.get(id) === undefined && this.members.get(id) === undefined;
  }
}

/** Nodes that run, by name. */
export class TrustedMesh {
  readonly simulation: Simulation;
  readonly nodes = new Map<string, TrustedNode>();
  readonly #files = new Map<string, MemoryFiles>();
  readonly #known = new Map<string, string>();

  constructor(simulation: Simulation) {
    this.simulation = simulation;
  }

  /** Starts a node: at first with the records that its masters would send, later with its kept records alone. */
  async start(name: string): Promise<TrustedNode> {
    const { id } = paperNode(name);
    const kept = this.#files.get(name);
    const files = kept ?? new MemoryFiles();
    this.#files.set(name, files);
    const node = new TrustedNode(this, name, files);
    this.#known.set(id, addressOf(id));
    this.nodes.set(name, node);
    await node.start(kept === undefined ? await this.#bootstrapRecords(name) : []);
    return node;
  }

  /** Starts nodes and waits until each sees all others. */
  async grow(names: readonly string[]): Promise<TrustedNode[]> {
    for (const name of names) await this.start(name);
    if (!(await this.simulation.until(() => this.isWhole(), 20_000))) throw new Error("the mesh does not settle");
    return [...this.nodes.values()];
  }

  kill(name: string, isSilent = false): void {
    this.simulation.kill(name, isSilent);
    this.nodes.delete(name);
  }

  /** Addresses of all other nodes that ever ran. */
  addresses(self: string): { readonly id: string; readonly address: string }[] {
    return [...this.#known].flatMap(([id, address]) => (id === self ? [] : [{ id, address }]));
  }

  /** Nodes that no running node counts as revoked. */
  trusted(): TrustedNode[] {
    const all = [...this.nodes.values()];
    return all.filter(({ id }) => !all.some(({ registry }) => registry.isRevoked(id)));
  }

  /** Whether all trusted nodes see each other alive, are linked, and hold the same records. */
  isWhole(): boolean {
    const all = this.trusted();
    const ids = ({ registry }: TrustedNode): string =>
      registry.stores
        .flatMap((store) => [...store.ids()])
        .sort()
        .join();
    const same = ids(all[0] ?? never());
    return all.every(
      (node) =>
        ids(node) === same &&
        all.every(
          ({ id }) => id === node.id || (node.members.get(id)?.state === "alive" && node.links.get(id) !== undefined),
        ),
    );
  }

  /** The records that a joining node receives: from the first master, at which it joined, as long as that runs. */
  async #bootstrapRecords(name: string): Promise<readonly string[]> {
    const own = records.get(name) ?? never();
    const registry = this.nodes.get(first.name)?.registry;
    if (registry === undefined || name === first.name)
      return [...masters, paperNode(name)].flatMap(({ name: each }) => records.get(each) ?? []);
    await acceptRecords(own, registry.stores);
    return bootstrapRecords(registry, { nodeId: paperNode(name).id, master: first.id });
  }
}
