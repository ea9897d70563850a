// Nodes of a simulation that consist of links and membership.

import { createHash } from "node:crypto";
import type { Signed, Signer } from "../../../src/core/signed.js";
import type { Random } from "../../../src/core/timers.js";
import { Membership } from "../../../src/mesh/membership/members.js";
import type { KnownAddress } from "../../../src/mesh/membership/reconnector.js";
import type { MemberState } from "../../../src/mesh/ports.js";
import type { LinkSet } from "../../../src/mesh/transport/link-set.js";
import { addressOf } from "./memory-network.js";
import { type Host, Simulation } from "./simulation.js";
import type { VirtualTime } from "./virtual-time.js";

const mesh = "0".repeat(32);

/** The id of the node with a number. */
export function nodeId(number: number): string {
  return createHash("sha256").update(`node ${number}`).digest("hex").slice(0, 32);
}

/** A stand-in for a signature by a node's key, sufficient for a simulation and 20 times as fast as Ed25519. */
export function fakeSigner(id: string): Signer {
  return {
    nodeId: id,
    sign: (payload) => ({ payload, signer: id, signature: fakeSignature({ payload, signer: id }) }),
  };
}

/** Whether {@link fakeSigner} made the signature. */
export function fakeVerify(signed: Signed): boolean {
  return signed.signature === fakeSignature(signed);
}

function fakeSignature({ payload, signer }: Pick<Signed, "payload" | "signer">): string {
  return createHash("sha256").update(`key of ${signer}`).update(payload).digest("base64");
}

/** How a node starts. */
export interface NodeOptions {
  readonly dialable?: boolean;
  readonly seeds?: readonly string[];
  readonly remembered?: readonly KnownAddress[];
  readonly masters?: readonly KnownAddress[];
}

/** One node of a simulated mesh. */
export class MeshNode {
  readonly id: string;
  readonly host: Host;
  readonly links: LinkSet;
  readonly members: Membership;
  remembered: readonly KnownAddress[] = [];
  loopDelayMs = 0;
  readonly #simulation: Simulation;

  constructor(of: MemberMesh, options: NodeOptions & { readonly id: string }) {
    const { id, dialable = true, seeds = [], remembered = [], masters = [] } = options;
    this.id = id;
    this.#simulation = of.simulation;
    this.host = of.simulation.host(id, { isHidden: !dialable, identity: { nodeId: id } });
    this.links = this.host.links();
    this.members = new Membership({
      mesh,
      signer: fakeSigner(id),
      links: this.links,
      clock: of.time,
      timers: this.host.timers,
      remembered,
      address: this.host.address,
      url: `https://${id}:8443`,
      random: of.random,
      trust: {
        known: (node) => of.admitted.has(node),
        isRevoked: (node) => of.revoked.has(node),
        verify: (signed) => of.admitted.has(signed.signer) && !of.revoked.has(signed.signer) && fakeVerify(signed),
      },
      seeds: () => seeds,
      masters: () => masters,
      remember: (addresses) => {
        this.remembered = addresses;
      },
      loopDelayMs: () => this.loopDelayMs,
    });
    this.members.start();
    void this.links.start();
  }

  /** Breaks the connections to another node; both may dial again. */
  break(peer: string): void {
    this.#simulation.break(this.id, peer);
  }

  /** The state of another node as this one sees it. */
  stateOf(id: string): MemberState | "unknown" {
    return this.members.get(id)?.state ?? "unknown";
  }

  kill(options: { readonly silently?: boolean } = {}): void {
    this.#simulation.kill(this.id, options.silently);
    this.members.stop();
  }
}

/** Nodes, the network between them, and what the registry would know. */
export class MemberMesh {
  readonly simulation: Simulation;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly admitted = new Set<string>();
  readonly revoked: Set<string>;
  readonly nodes = new Map<string, MeshNode>();

  constructor(seed: number) {
    this.simulation = new Simulation(seed);
    this.time = this.simulation.time;
    this.random = this.simulation.random;
    this.revoked = this.simulation.revoked;
  }

  /** Starts node number `number`, again or for the first time. */
  add(number: number, options: NodeOptions = {}): MeshNode {
    const id = nodeId(number);
    this.admitted.add(id);
    const node = new MeshNode(this, { id, ...options });
    this.nodes.set(id, node);
    return node;
  }

  /** A settled mesh: node 0 is the seed of the others; nodes from number `dialable` on can only dial out. */
  async grow(size: number, { dialable = size }: { readonly dialable?: number } = {}): Promise<MeshNode[]> {
    const seed = this.add(0);
    const others = Array.from({ length: size - 1 }, (_, index) =>
      this.add(index + 1, { seeds: [addressOf(seed.id)], dialable: index + 1 < dialable }),
    );
    const nodes = [seed, ...others];
    await this.until(() => this.agreed(nodes), { ms: 15_000, what: `a mesh of ${size} settles` });
    return nodes;
  }

  /** Whether every node sees every other node alive. */
  agreed(nodes: readonly MeshNode[]): boolean {
    return nodes.every((node) =>
      nodes.every((other) => {
        if (other.id === node.id) return true;
        const isOutOfReach = node.host.address === undefined && other.host.address === undefined;
        const isLinked = node.links.get(other.id) !== undefined || isOutOfReach;
        return node.stateOf(other.id) === "alive" && isLinked;
      }),
    );
  }

  until(done: () => boolean, options: { readonly ms: number; readonly what: string }): Promise<number> {
    return this.time.until(done, options);
  }
}
