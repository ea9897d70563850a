// What a join token's secret is used for. It never travels: a node that only passes a request on learns nothing that
// lets it in.

import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, timingSafeEqual } from "node:crypto";

const cipher = "aes-256-gcm";
const tagBytes = 16;
const ivBytes = 12;

/** SHA-256 of a token's secret: what the issuing master keeps, and the key of everything below. */
export function secretHash(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

/** Proves knowledge of the secret for one payload: HMAC-SHA-256 (RFC 2104) in base64url. */
export function proofOf(hash: Uint8Array, payload: string): string {
  return createHmac("sha256", hash).update("herd-join proof\0").update(payload).digest("base64url");
}

/** Whether a proof is the one of {@link proofOf}, compared in constant time. */
export function isProof(proof: string, { hash, payload }: { hash: Uint8Array; payload: string }): boolean {
  const given = Buffer.from(proof, "base64url");
  const right = Buffer.from(proofOf(hash, payload), "base64url");
  return given.length === right.length && timingSafeEqual(given, right);
}

/**
 * Encrypts what only the joiner may read, such as the mesh's token key. `nonce` is the request's: each pair is used
 * once.
 */
export function sealFor({ hash, nonce }: { hash: Uint8Array; nonce: string }, content: Uint8Array): string {
  const { key, iv } = keyOf(hash, nonce);
  const sealing = createCipheriv(cipher, key, iv, { authTagLength: tagBytes });
  return Buffer.concat([sealing.update(content), sealing.final(), sealing.getAuthTag()]).toString("base64");
}

/** What {@link sealFor} encrypted; `undefined` when it was changed or the secret is another. */
export function openSealed({ hash, nonce }: { hash: Uint8Array; nonce: string }, sealed: string): Buffer | undefined {
  const bytes = Buffer.from(sealed, "base64");
  if (bytes.length < tagBytes) return undefined;
  const { key, iv } = keyOf(hash, nonce);
  try {
    const opening = createDecipheriv(cipher, key, iv, { authTagLength: tagBytes });
    opening.setAuthTag(bytes.subarray(-tagBytes));
    return Buffer.concat([opening.update(bytes.subarray(0, -tagBytes)), opening.final()]);
  } catch {
    return undefined;
  }
}

/**
 * HKDF (RFC 5869) of the secret's hash, with the request's nonce as salt: key and initialization vector of one message.
 */
function keyOf(hash: Uint8Array, nonce: string): { key: Buffer; iv: Buffer } {
  const bytes = Buffer.from(hkdfSync("sha256", hash, nonce, "herd-join sealed", 32 + ivBytes));
  return { key: bytes.subarray(0, 32), iv: bytes.subarray(32) };
}
