// A mesh on paper: a root, masters and nodes with real keys, and the records that they sign.

import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { encodeSigned, type Signed, type Signer } from "../../src/core/signed.js";
import { publicKeyText, signerOf } from "../../src/pki/identity/enrolled-key.js";
import { type Payload, payloadText, type RecordKind } from "../../src/pki/registry/records.js";
import { certify, type Issuer } from "../../src/pki/x509/certificate.js";
import { foundRoot, type Root, rootIssuer } from "../../src/pki/x509/root.js";
import { rsaKey } from "../../src/pki/x509/rsa-key.js";
import { ManualClock } from "../harness/virtual/manual-clock.js";

/** A node's enrolled key, and what follows from it. */
export interface PaperNode {
  readonly id: string;
  readonly name: string;
  /** SPKI DER in base64. */
  readonly key: string;
  readonly signer: Signer;
  /** CA certificate (PEM) of a master. */
  readonly certificate: string | undefined;
}

/** What is said in a record beside its kind and mesh. */
export type Said<Kind extends RecordKind> = Omit<Payload<Kind>, "kind" | "mesh">;

/** A mesh whose records tests write by hand; `at` of a record defaults to the clock. */
export class PaperMesh {
  readonly root: Root;
  readonly meshId: string;
  readonly clock: ManualClock;
  readonly #issuer: Issuer;
  readonly #caKey: KeyObject;

  private constructor(parts: { root: Root; caKey: KeyObject; clock: ManualClock }) {
    this.root = parts.root;
    this.meshId = parts.root.meshId;
    this.clock = parts.clock;
    this.#issuer = rootIssuer(parts.root);
    this.#caKey = parts.caKey;
  }

  static async found(): Promise<PaperMesh> {
    const clock = new ManualClock();
    return new PaperMesh({ root: await foundRoot({ domains: [], clock }), caKey: await rsaKey(2_048), clock });
  }

  /** A node with a new key. */
  node(name: string): PaperNode {
    return { ...paperNode(name), certificate: undefined };
  }

  /**
   * A master with a new key and a CA certificate; `shared` has the certificate's key in common with other such masters.
   */
  async master(name: string, { shared = false } = {}): Promise<PaperNode> {
    const key = shared ? this.#caKey : await rsaKey(2_048);
    const certificate = certify(
      {
        commonName: name,
        publicKey: createPublicKey(key),
        notBefore: this.clock.now() - 1_000,
        notAfter: this.clock.now() + 86_400_000,
        extensions: [{ name: "basicConstraints", cA: true, pathLenConstraint: 0, critical: true }],
      },
      this.#issuer,
    );
    return { ...paperNode(name), certificate };
  }

  /** A payload of this mesh, at the clock's time unless told otherwise. */
  payload<Kind extends RecordKind>(kind: Kind, said: Partial<Said<Kind>>): string {
    return payloadText({ kind, mesh: this.meshId, at: this.clock.now(), ...said } as unknown as Payload<RecordKind>);
  }

  /** A grant by the root. */
  grant({ id, name, key, certificate }: PaperNode): string {
    return this.byRoot(this.payload("grant", { node: id, name, key, certificate: certificate ?? "" }));
  }

  byRoot(payload: string): string {
    const signature = sign("sha256", Buffer.from(payload), this.root.key).toString("base64");
    return encodeSigned({ payload, signer: "root", signature });
  }

  /** An admission by `master`. */
  admission(
    node: PaperNode,
    by: { master: PaperNode; parent?: PaperNode | null } & Partial<Omit<Said<"admission">, "master" | "parent">>,
  ): string {
    const { master, parent = master, ...said } = by;
    const { id, name, key, certificate } = node;
    const payload = this.payload("admission", {
      node: id,
      name,
      key,
      parent: parent?.id ?? null,
      approvedBy: "token 0123456789abcdef",
      deploy: true,
      master: certificate !== undefined,
      ...said,
    });
    return encodeSigned(master.signer.sign(payload));
  }

  /** A revocation by `master`. */
  revocation(node: { readonly id: string }, by: { master: PaperNode } & Partial<Said<"revocation">>): string {
    const { master, ...said } = by;
    return encodeSigned(master.signer.sign(this.payload("revocation", { node: node.id, by: "test", ...said })));
  }

  /** Any record, signed by `node`. */
  record<Kind extends RecordKind>(kind: Kind, said: Partial<Said<Kind>>, node: PaperNode): string {
    return encodeSigned(node.signer.sign(this.payload(kind, said)));
  }
}

/** The same fact, signed by another node. */
export function resigned(text: string, by: PaperNode): string {
  const { payload } = JSON.parse(text) as Signed;
  return encodeSigned(by.signer.sign(payload));
}

function paperNode(name: string): Omit<PaperNode, "certificate"> {
  const { privateKey } = generateKeyPairSync("ed25519");
  const signer = signerOf(privateKey);
  return { id: signer.nodeId, name, key: publicKeyText(privateKey), signer };
}
