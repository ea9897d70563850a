// A simulated mesh: nodes with links, membership and records only, on virtual time.

import { createHash } from "node:crypto";
import type { Signed, Signer } from "../../../src/core/signed.js";
import type { Random } from "../../../src/core/timers.js";
import { Membership } from "../../../src/mesh/membership/members.js";
import type { KnownAddress } from "../../../src/mesh/membership/reconnector.js";
import type { MemberState } from "../../../src/mesh/ports.js";
import { Fabric, FabricLinks } from "./fabric.js";
import { seeded, VirtualTime } from "./virtual-time.js";

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
  readonly links: FabricLinks;
  readonly members: Membership;
  remembered: readonly KnownAddress[] = [];
  loopDelayMs = 0;

  constructor(of: MemberMesh, options: NodeOptions & { readonly id: string }) {
    const { id, dialable = true, seeds = [], remembered = [], masters = [] } = options;
    this.id = id;
    this.links = new FabricLinks(of.fabric, { id, dialable });
    this.members = new Membership({
      mesh,
      signer: fakeSigner(id),
      links: this.links,
      clock: of.time,
      timers: this.links.timers,
      remembered,
      address: dialable ? `${id}:1` : undefined,
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
  }

  /** The state of another node as this one sees it. */
  stateOf(id: string): MemberState | "unknown" {
    return this.members.get(id)?.state ?? "unknown";
  }

  kill(options: { readonly silently?: boolean } = {}): void {
    this.links.kill(options);
    this.members.stop();
  }
}

/** Nodes, the network between them, and what the registry would know. */
export class MemberMesh {
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly fabric: Fabric;
  readonly admitted = new Set<string>();
  readonly revoked = new Set<string>();
  readonly nodes = new Map<string, MeshNode>();

  constructor(seed: number) {
    this.random = seeded(seed);
    this.fabric = new Fabric(this.time, this.random);
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
      this.add(index + 1, { seeds: [`${seed.id}:1`], dialable: index + 1 < dialable }),
    );
    const nodes = [seed, ...others];
    await this.until(() => this.agreed(nodes), { ms: 15_000, what: `a mesh of ${size} settles` });
    return nodes;
  }

  /** Whether every node sees every other node alive. */
  agreed(nodes: readonly MeshNode[]): boolean {
    return nodes.every(({ id, links }) => {
      const node = this.nodes.get(id);
      return nodes.every((other) => {
        if (other.id === id) return true;
        const linked = links.get(other.id) !== undefined || !(links.dialable || other.links.dialable);
        return node?.stateOf(other.id) === "alive" && linked;
      });
    });
  }

  until(done: () => boolean, options: { readonly ms: number; readonly what: string }): Promise<number> {
    return this.time.until(done, options);
  }
}
