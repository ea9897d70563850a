// Nodes that sign manifests, and the registry of a mesh: real keys and signatures, without certificates.

import { generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import type { CatalogOptions } from "../../src/catalog/catalog.js";
import type { Authors } from "../../src/catalog/manifest-records.js";
import { HerdError } from "../../src/core/errors.js";
import { randomHex } from "../../src/core/ids.js";
import { defaultLimits } from "../../src/core/limits.js";
import type { Signed, Signer } from "../../src/core/signed.js";

/** The marks of a node. */
export interface Marks {
  readonly deploy: boolean;
  readonly master: boolean;
}

/** Signs with a key of its own. */
export class TestSigner implements Signer {
  readonly nodeId: string;
  readonly #keys = generateKeyPairSync("ed25519");

  constructor(nodeId = randomHex(16)) {
    this.nodeId = nodeId;
  }

  get publicKey(): KeyObject {
    return this.#keys.publicKey;
  }

  sign(payload: string): Signed {
    const signature = sign(null, Buffer.from(payload), this.#keys.privateKey).toString("base64");
    return { payload, signer: this.nodeId, signature };
  }
}

/** One node's knowledge of the mesh's nodes. */
export class TestAuthors implements Authors {
  readonly #nodes = new Map<string, Marks & { readonly key: KeyObject }>();
  readonly #revoked = new Set<string>();

  /** Admits a node. */
  admit(signer: TestSigner, marks: Partial<Marks> = {}): this {
    this.#nodes.set(signer.nodeId, { deploy: true, master: false, ...marks, key: signer.publicKey });
    return this;
  }

  revoke(nodeId: string): void {
    this.#revoked.add(nodeId);
  }

  isRevoked(nodeId: string): boolean {
    return this.#revoked.has(nodeId);
  }

  verify(signed: Signed): Marks | "unknown" {
    const node = this.#nodes.get(signed.signer);
    if (node === undefined) return "unknown";
    if (this.isRevoked(signed.signer)) throw new HerdError("auth.invalid", "the signer was revoked");
    if (!verify(null, Buffer.from(signed.payload), node.key, Buffer.from(signed.signature, "base64"))) {
      throw new HerdError("auth.invalid", "the signature is not the signer's");
    }
    return node;
  }
}

/** What a catalog needs of a mesh that is one node. */
export function soloMesh(): Pick<CatalogOptions, "meshId" | "signer" | "authors" | "limits"> {
  const signer = new TestSigner();
  const authors = new TestAuthors().admit(signer, { master: true });
  return { meshId: "0".repeat(32), signer, authors, limits: defaultLimits };
}
