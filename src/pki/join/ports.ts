// What the joining side of a master uses of the mesh: its members and its certificates.

import type { KeyObject } from "node:crypto";
import type { Signer } from "../../core/signed.js";
import type { Certifier } from "../identity/enrollment-issue.js";

/** A node that was let in. */
export interface KnownNode {
  readonly id: string;
  readonly name: string;
  readonly master: boolean;
  readonly deploy: boolean;
  readonly revoked: boolean;
}

/** The nodes of the mesh. */
export interface JoinRegistry {
  node(id: string): KnownNode | undefined;
  /** The name, or the first of `name-2`, `name-3`, … that nobody holds. */
  freeName(wanted: string): string;
}

/** This master: what it signs with, and what a joiner gets to know. An `Identity` is one. */
export interface JoinAuthority extends Certifier {
  /** PEM. */
  readonly rootCertificate: string;
  readonly signer: Signer;
  readonly tokenPublicKey: KeyObject;
}
