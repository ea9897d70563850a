// A mesh of keys and certificates without nodes: a root, a master, and whatever leaves a test asks for.

import { createPublicKey, type KeyObject } from "node:crypto";
import type { Clock } from "../../../src/core/clock.js";
import { certify, type Issuer, issuerOf } from "../../../src/pki/x509/certificate.js";
import { issueMasterCertificate } from "../../../src/pki/x509/master-certificate.js";
import { nameScope } from "../../../src/pki/x509/name-constraints.js";
import { issuePeerLeaf, nodeUri } from "../../../src/pki/x509/peer-leaf.js";
import { foundRoot, type Root, rootIssuer } from "../../../src/pki/x509/root.js";
import { rsaKey } from "../../../src/pki/x509/rsa-key.js";
import type { Credential } from "../../pki/x509/mutual-tls.js";

const hour = 3_600_000;

/** One mesh; all its leaves have one key, which no check looks at. */
export class TestMesh {
  readonly root: Root;
  readonly masterKey: KeyObject;
  readonly leafKey: KeyObject;
  readonly master: Issuer;
  readonly clock: Clock;

  private constructor(parts: { root: Root; masterKey: KeyObject; leafKey: KeyObject; clock: Clock }) {
    this.root = parts.root;
    this.masterKey = parts.masterKey;
    this.leafKey = parts.leafKey;
    this.clock = parts.clock;
    this.master = this.masterOf("m".repeat(32));
  }

  static async found(clock: Clock): Promise<TestMesh> {
    const [root, masterKey, leafKey] = await Promise.all([
      foundRoot({ domains: [], clock }),
      rsaKey(2_048),
      rsaKey(2_048),
    ]);
    return new TestMesh({ root, masterKey, leafKey, clock });
  }

  /** Another certificate for the master's key. */
  masterOf(nodeId: string): Issuer {
    const pem = issueMasterCertificate({
      root: rootIssuer(this.root),
      publicKey: createPublicKey(this.masterKey),
      nodeId,
      name: "m1",
      meshId: this.root.meshId,
      scope: nameScope([]),
      clock: this.clock,
    });
    return issuerOf(pem, this.masterKey, [pem]);
  }

  /** A peer leaf as masters issue them. */
  peer(
    nodeId: string,
    options: { deploy?: boolean; master?: boolean; clock?: Clock; issuer?: Issuer } = {},
  ): Credential {
    const certificate = issuePeerLeaf({
      issuer: this.master,
      publicKey: createPublicKey(this.leafKey),
      meshId: this.root.meshId,
      nodeId,
      deploy: false,
      master: false,
      clock: this.clock,
      ...options,
    });
    return this.#with(certificate);
  }

  /** A leaf with any content: as a peer leaf where nothing else is said. `names` are node-forge's. */
  leaf(options: {
    names?: readonly object[];
    usages?: object;
    extensions?: readonly object[];
    issuer?: Issuer;
  }): Credential {
    const { issuer = this.master, usages = { clientAuth: true, serverAuth: true }, extensions } = options;
    const names = options.names ?? [this.uri("a".repeat(32))];
    const now = this.clock.now();
    const certificate = certify(
      {
        commonName: "Wasmherd test leaf",
        publicKey: createPublicKey(this.leafKey),
        notBefore: now - hour,
        notAfter: now + 24 * hour,
        extensions: extensions ?? [
          { name: "basicConstraints", cA: false, critical: true },
          { name: "keyUsage", digitalSignature: true, critical: true },
          { name: "extKeyUsage", ...usages },
          ...(names.length === 0 ? [] : [{ name: "subjectAltName", altNames: names }]),
        ],
      },
      issuer,
    );
    return this.#with([certificate, ...issuer.chain].join(""));
  }

  /** The name of a node as node-forge takes it. */
  uri(nodeId: string, meshId = this.root.meshId): object {
    return { type: 6, value: nodeUri({ meshId, nodeId }) };
  }

  /** The master's own certificate, used as a leaf. */
  masterCredential(): Credential {
    return { certificate: this.master.chain.join(""), key: pemOf(this.masterKey) };
  }

  #with(certificate: string): Credential {
    return { certificate, key: pemOf(this.leafKey) };
  }
}

/** A private key as PEM (PKCS #8). */
export function pemOf(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }) as string;
}
