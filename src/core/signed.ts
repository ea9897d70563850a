// A fact that a node vouches for, as it is stored, spread and proved: JSON text and an Ed25519 signature (RFC 8032).

import { createHash } from "node:crypto";
import { tryParseJson } from "./json.js";
import { isNodeId } from "./node-id.js";

/**
 * A payload (JSON text of an object that names its `kind` and `mesh`), its signer (node id, or `root`), and the
 * signature in base64.
 */
export interface Signed {
  readonly payload: string;
  readonly signer: string;
  readonly signature: string;
}

/** Signs as one node, with its enrolled key. */
export interface Signer {
  readonly nodeId: string;
  sign(payload: string): Signed;
}

/** A record from further ahead is refused, in milliseconds: a wrong clock must not have the last word for long. */
export const aheadLimitMs = 600_000;

/** The largest signed record, in characters of its text: a bound for records that come from a peer. */
export const signedLimitBytes = 64 * 1024;

/**
 * The id of a record: SHA-256, in hex, of its payload alone, so that a second signature of the same fact is the same
 * record.
 */
export function recordId(signed: Pick<Signed, "payload">): string {
  return createHash("sha256").update(signed.payload).digest("hex");
}

/** A record as text. */
export function encodeSigned({ payload, signer, signature }: Signed): string {
  return JSON.stringify({ payload, signer, signature });
}

/** The record that a text holds, `undefined` when it holds none or is too large. Nothing is verified. */
export function decodeSigned(text: string): Signed | undefined {
  if (text.length > signedLimitBytes) return undefined;
  const value = tryParseJson(text);
  if (typeof value !== "object" || value === null) return undefined;
  const { payload, signer, signature } = value as Record<string, unknown>;
  if (typeof payload !== "string" || typeof signer !== "string" || typeof signature !== "string") return undefined;
  if ((signer !== "root" && !isNodeId(signer)) || !/^[A-Za-z0-9+/]{1,1024}={0,2}$/.test(signature)) return undefined;
  return { payload, signer, signature };
}
