// The payloads of the signed records about the members of a mesh: payloads with bounds, how they are written, read and
// verified.

import { createHash, type KeyObject, verify } from "node:crypto";
import * as z from "zod";
import { roles } from "../../api/roles.js";
import { isAppName } from "../../core/app-name.js";
import { isTokenId } from "../../core/ids.js";
import { tryParseJson } from "../../core/json.js";
import { nodeNamePattern } from "../../core/node-name.js";
import type { Signed } from "../../core/signed.js";
import * as field from "./record-fields.js";

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const nodeName = z.string().regex(nodeNamePattern);
const line = (limit: number) =>
  z
    .string()
    .min(1)
    .max(limit)
    .regex(/^\P{Cc}*$/u);
const tokenId = z.string().refine(isTokenId);
/** SPKI DER of Ed25519 is these 12 bytes, then the 32 of the key (RFC 8410). */
const enrolledKeyStart = /^MCowBQYDK2VwAyEA[A-Za-z0-9+/]{43}=$/;
const enrolledKey = z.string().regex(enrolledKeyStart);
const pem = z
  .string()
  .max(8_192)
  .regex(/^-----BEGIN [A-Z0-9 ]+-----\n[A-Za-z0-9+/=\n]+-----END [A-Z0-9 ]+-----\n*$/);
const url = z
  .string()
  .max(512)
  .regex(/^https:\/\/[^\s"\\]+$/);
const peer = z
  .string()
  .max(300)
  .regex(/^[^\s"\\]+:\d{1,5}$/);

const payloads = {
  /** Makes a node a master; signed by the root. */
  grant: z.strictObject({
    kind: z.literal("grant"),
    mesh: field.meshId,
    node: field.nodeId,
    name: nodeName,
    /** The enrolled key, SPKI DER in base64. */
    key: enrolledKey,
    /** The master's CA certificate. */
    certificate: pem,
    at: field.time,
  }),
  /** Lets a node in; signed by a master. `parent` is the node that received its request, null for the founder. */
  admission: z.strictObject({
    kind: z.literal("admission"),
    mesh: field.meshId,
    node: field.nodeId,
    name: nodeName,
    key: enrolledKey,
    parent: field.nodeId.nullable(),
    approvedBy: line(128),
    at: field.time,
    deploy: z.boolean(),
    master: z.boolean(),
  }),
  /** Ends a node's membership for good; signed by a master, or by the root. */
  revocation: z.strictObject({
    kind: z.literal("revocation"),
    mesh: field.meshId,
    node: field.nodeId,
    at: field.time,
    by: line(128),
    /** The node whose whole subtree was revoked, when this one is below it. */
    subtreeOf: field.nodeId.optional(),
  }),
  /** Where a master is reached; signed by itself. */
  address: z.strictObject({
    kind: z.literal("address"),
    mesh: field.meshId,
    node: field.nodeId,
    url,
    /** `HOST:PORT`, null for a master that can only dial out. */
    peer: peer.nullable(),
    at: field.time,
  }),
  /** A token that was issued, without its text; signed by a master. Times are epoch ms. */
  token: z.strictObject({
    kind: z.literal("token"),
    mesh: field.meshId,
    id: tokenId,
    role: z.enum(roles),
    app: z.string().refine(isAppName).optional(),
    at: field.time,
    expiresAt: field.time,
  }),
  /** A token's end before its time; signed by a master. */
  "token-revocation": z.strictObject({
    kind: z.literal("token-revocation"),
    mesh: field.meshId,
    id: tokenId,
    expiresAt: field.time,
    at: field.time,
  }),
  /** How far a master's audit log goes: number of entries, and the hash of the last; signed by that master. */
  head: z.strictObject({
    kind: z.literal("head"),
    mesh: field.meshId,
    master: field.nodeId,
    seq: count,
    hash: field.sha256,
    at: field.time,
  }),
  /** The newest CRL of a master; signed by it. */
  crl: z.strictObject({
    kind: z.literal("crl"),
    mesh: field.meshId,
    master: field.nodeId,
    pem: z
      .string()
      .max(49_152)
      .regex(/^-----BEGIN X509 CRL-----\n[A-Za-z0-9+/=\n]+-----END X509 CRL-----\n*$/),
    at: field.time,
  }),
} as const;

/** The kinds of records that this folder keeps. */
export type RecordKind = keyof typeof payloads;

/** The payload of a record of a kind. */
export type Payload<Kind extends RecordKind> = z.infer<(typeof payloads)[Kind]>;

/** The payload text for {@link Signer.sign}. Throws `TypeError` for what no reader would take. */
export function payloadText(payload: Payload<RecordKind>): string {
  const checked = payloads[payload.kind].safeParse(payload);
  if (!checked.success) throw new TypeError(`not a ${payload.kind} payload: ${z.prettifyError(checked.error)}`);
  return JSON.stringify(checked.data);
}

/** The payload in a text, `undefined` unless it is a well-formed one of this kind. The caller compares the mesh. */
export function parsePayload<Kind extends RecordKind>(kind: Kind, text: string): Payload<Kind> | undefined {
  const parsed = payloads[kind].safeParse(tryParseJson(text));
  if (!parsed.success) return undefined;
  const data = parsed.data as Payload<RecordKind>;
  // A node's id is its key's, so that nobody can be given another one's.
  if (data.kind === "grant" || data.kind === "admission") {
    if (fingerprintOfText(data.key)?.slice(0, 32) !== data.node) return undefined;
  }
  return data as Payload<Kind>;
}

/**
 * The fingerprint of an enrolled key in base64, without the cost of a key object; `undefined` for what is none, or is
 * another spelling.
 */
export function fingerprintOfText(key: string): string | undefined {
  const der = Buffer.from(key, "base64");
  if (!enrolledKeyStart.test(key) || der.toString("base64") !== key) return undefined;
  return createHash("sha256").update(der).digest("hex");
}

/**
 * Whether the signature is this key's: Ed25519 (RFC 8032), or RSA with SHA-256 (RFC 8017, section 8.2) for the root.
 */
export function verifySigned(signed: Signed, publicKey: KeyObject): boolean {
  const algorithm = publicKey.asymmetricKeyType === "rsa" ? "sha256" : null;
  return verify(algorithm, Buffer.from(signed.payload), publicKey, Buffer.from(signed.signature, "base64"));
}
