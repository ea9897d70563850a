// What a node that joins sends about itself, and what the answer of a join brings.

import type { Signed } from "../../core/signed.js";

/** What a node sends to join; certificate requests are PEM. */
export interface EnrollmentRequest {
  /** The enrolled key's public half: SPKI DER in base64. */
  readonly key: string;
  readonly nodeId: string;
  /** For the peer leaf, and for the public one. */
  readonly csr: string;
  readonly publicCsr: string;
  /**
   * For a master's certificate; calling it makes the key, which takes seconds: only for a node that is to be a master.
   */
  masterCsr(): Promise<string>;
  /** The name that the node would like, and the hosts that its public leaf should name. */
  readonly name: string;
  readonly hosts: readonly string[];
  /** The chains (PEM) of a node that re-enrolls: its approved hosts, and the end of its trust. */
  readonly current?: { readonly peer: string; readonly public: string } | undefined;
  /** The root (PEM) of the mesh that the node is in already: it re-enrolls there, and nowhere else. */
  readonly rootCertificate?: string | undefined;
  /** Signs with the enrolled key. */
  sign(payload: string): Signed;
}

/**
 * What a join brings: the mesh, the name that the node got, its two chains (PEM, leaf first), the mesh's public token
 * key (SPKI DER in base64), and signed records that introduce the node and its masters. A new master also gets its CA
 * certificate, and the private token key (PKCS #8 DER in base64). Nothing is proved: the node checks it against its own
 * keys and the root.
 */
export interface Enrollment {
  readonly meshId: string;
  readonly nodeId: string;
  readonly nodeName: string;
  readonly rootCertificate: string;
  readonly peerCertificate: string;
  readonly publicCertificate: string;
  readonly tokenPublicKey: string;
  readonly masterCertificate?: string | undefined;
  readonly tokenKey?: string | undefined;
  readonly records: readonly string[];
}
