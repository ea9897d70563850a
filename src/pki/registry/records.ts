// The payloads of the signed records about the members of a mesh: payloads with bounds, how they are written, read and
// verified.

import { createHash, type KeyObject, verify } from "node:crypto";
import { z } from "zod";
import { roles } from "../../api/roles.js";
import { isAppName } from "../../core/app-name.js";
import { isTokenId } from "../../core/ids.js";
import { tryParseJson } from "../../core/json.js";
import { meshIdPattern, nodeIdPattern } from "../../core/node-id.js";
import { nodeNamePattern } from "../../core/node-name.js";
import type { Signed } from "../../core/signed.js";

const meshId = z.string().regex(meshIdPattern);
const nodeId = z.string().regex(nodeIdPattern);
const hex64 = z.string().regex(/^[0-9a-f]{64}$/);
const time = z.number().int().min(0).max(8_640_000_000_000_000);
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
    mesh: meshId,
    node: nodeId,
    name: nodeName,
    /** The enrolled key, SPKI DER in base64. */
    key: enrolledKey,
    /** The master's CA certificate. */
    certificate: pem,
    at: time,
  }),
  /** Lets a node in; signed by a master. `parent` is the node that received its request, null for the founder. */
  admission: z.strictObject({
    kind: z.literal("admission"),
    mesh: meshId,
    node: nodeId,
    name: nodeName,
    key: enrolledKey,
    parent: nodeId.nullable(),
    approvedBy: line(128),
    at: time,
    deploy: z.boolean(),
    master: z.boolean(),
  }),
  /** Ends a node's membership for good; signed by a master, or by the root. */
  revocation: z.strictObject({
    kind: z.literal("revocation"),
    mesh: meshId,
    node: nodeId,
    at: time,
    by: line(128),
    /** The node whose whole subtree was revoked, when this one is below it. */
    subtreeOf: nodeId.optional(),
  }),
  /** Where a master is reached; signed by itself. */
  address: z.strictObject({
    kind: z.literal("address"),
    mesh: meshId,
    node: nodeId,
    url,
    /** `HOST:PORT`, null for a master that can only dial out. */
    peer: peer.nullable(),
    at: time,
  }),
  /** A token that was issued, without its text; signed by a master. Times are epoch ms. */
  token: z.strictObject({
    kind: z.literal("token"),
    mesh: meshId,
    id: tokenId,
    role: z.enum(roles),
    app: z.string().refine(isAppName).optional(),
    at: time,
    expiresAt: time,
  }),
  /** A token's end before its time; signed by a master. */
  "token-revocation": z.strictObject({
    kind: z.literal("token-revocation"),
    mesh: meshId,
    id: tokenId,
    expiresAt: time,
    at: time,
  }),
  /** How far a master's audit log goes: number of entries, and the hash of the last; signed by that master. */
  head: z.strictObject({
    kind: z.literal("head"),
    mesh: meshId,
    master: nodeId,
    seq: count,
    hash: hex64,
    at: time,
  }),
  /** The newest CRL of a master; signed by it. */
  crl: z.strictObject({
    kind: z.literal("crl"),
    mesh: meshId,
    master: nodeId,
    pem: z
      .string()
      .max(49_152)
      .regex(/^-----BEGIN X509 CRL-----\n[A-Za-z0-9+/=\n]+-----END X509 CRL-----\n*$/),
    at: time,
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
