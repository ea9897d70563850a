// Records for a simulated mesh: stores with the registry's rules, simplified, and nodes that replicate them.

import { HerdError } from "../../../src/core/errors.js";
import { decodeSigned, encodeSigned, recordId } from "../../../src/core/signed.js";
import type { RecordStore } from "../../../src/mesh/ports.js";
import { RecordReplica } from "../../../src/mesh/replication/replica.js";
import type { MemberMesh } from "./member-mesh.js";
import { fakeSigner, fakeVerify, type MeshNode, nodeId } from "./member-mesh.js";

/** Signs what only the mesh's root may sign; every node knows its key from the start. */
export const founder = nodeId(999_999);

type Payload = { readonly kind: string; readonly node?: string; readonly text?: string };

/** A signed record's text. */
export function record(signer: string, payload: Payload): string {
  return encodeSigned(fakeSigner(signer).sign(JSON.stringify(payload)));
}

/** The stores of a node: `admission` and `revocation` are signed by the founder, a `fact` by any admitted node. */
export class Facts {
  readonly admitted = new Set([founder]);
  readonly revoked = new Set<string>();
  readonly texts = new Map<string, Map<string, string>>();
  onRevoked: (node: string) => void = () => undefined;
  /** Counts the signatures that were verified. */
  verified = 0;

  readonly stores: readonly RecordStore[] = ["admission", "revocation", "fact"].map((kind) => {
    const texts = new Map<string, string>();
    this.texts.set(kind, texts);
    return {
      kind,
      accept: (text: string) => this.#accept(kind, text),
      ids: () => texts.keys(),
      get: (id: string) => texts.get(id),
    };
  });

  /** Every record id of every kind, sorted. */
  all(): string[] {
    return [...this.texts.values()].flatMap((texts) => [...texts.keys()]).sort();
  }

  async #accept(kind: string, text: string): Promise<"new" | "known" | "waiting"> {
    const signed = decodeSigned(text);
    const payload = signed === undefined ? undefined : (JSON.parse(signed.payload) as Payload);
    if (signed === undefined || payload?.kind !== kind) throw new HerdError("auth.invalid", `no ${kind}`);
    if (kind !== "fact" && signed.signer !== founder) throw new HerdError("auth.invalid", "not the founder's");
    if (this.revoked.has(signed.signer)) throw new HerdError("auth.invalid", "revoked");
    if (!this.admitted.has(signed.signer)) return "waiting";
    this.verified += 1;
    if (!fakeVerify(signed)) throw new HerdError("auth.invalid", "bad signature");
    const texts = this.texts.get(kind) as Map<string, string>;
    const id = recordId(signed);
    if (texts.has(id)) return "known";
    texts.set(id, text);
    if (kind === "admission") this.admitted.add(payload.node as string);
    if (kind === "revocation") {
      this.revoked.add(payload.node as string);
      this.onRevoked(payload.node as string);
    }
    return "new";
  }
}

/** What a node of a {@link MemberMesh} holds and replicates. */
export class RecordNode {
  readonly node: MeshNode;
  readonly facts: Facts;
  readonly replica: RecordReplica;

  constructor(mesh: MemberMesh, node: MeshNode, { facts = new Facts() }: { readonly facts?: Facts } = {}) {
    this.node = node;
    this.facts = facts;
    this.replica = new RecordReplica({
      links: node.links,
      stores: facts.stores,
      clock: mesh.time,
      timers: node.host.timers,
      random: mesh.random,
      dialable: (id) => node.members.get(id)?.address !== undefined,
      yieldLoop: () => Promise.resolve(),
    });
    this.replica.start();
  }

  get id(): string {
    return this.node.id;
  }

  publish(
    kind: string,
    payload: Omit<Payload, "kind">,
    { as = this.id }: { readonly as?: string } = {},
  ): Promise<void> {
    return this.replica.publish(kind, record(as, { kind, ...payload }));
  }

  kill(): void {
    this.node.kill();
    this.replica.stop();
  }
}
