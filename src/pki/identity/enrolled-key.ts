// The key that is a node: made once, kept for life. Its id, its fingerprint and its signatures come from it.

import { createHash, createPublicKey, generateKeyPair, type KeyObject, sign } from "node:crypto";
import { promisify } from "node:util";
import type { Signed, Signer } from "../../core/signed.js";

/** The length of an Ed25519 public key as SPKI DER, in base64. */
const spkiCharacters = 60;

/** A new Ed25519 private key. */
export async function makeEnrolledKey(): Promise<KeyObject> {
  return (await promisify(generateKeyPair)("ed25519")).privateKey;
}

/** A node's fingerprint: SHA-256, in hex, of the public key's SPKI DER. Takes either half of the key. */
export function fingerprintOf(key: KeyObject): string {
  return createHash("sha256").update(spkiOf(key)).digest("hex");
}

/** A node's id: the first 32 hex digits of its fingerprint. */
export function nodeIdOf(key: KeyObject): string {
  return fingerprintOf(key).slice(0, 32);
}

/** The public half of a key as SPKI DER in base64: how records and requests carry it. */
export function publicKeyText(key: KeyObject): string {
  return spkiOf(key).toString("base64");
}

/**
 * The Ed25519 public key that a text of {@link publicKeyText} holds; `undefined` for any other text, found out cheaply.
 */
export function publicKeyOfText(text: string): KeyObject | undefined {
  if (text.length !== spkiCharacters || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  try {
    const key = createPublicKey({ key: Buffer.from(text, "base64"), type: "spki", format: "der" });
    // A second spelling of one key would be a second node.
    return key.asymmetricKeyType === "ed25519" && publicKeyText(key) === text ? key : undefined;
  } catch {
    return undefined;
  }
}

/** Signs payloads as the node that a private key is. */
export function signerOf(key: KeyObject): Signer {
  const nodeId = nodeIdOf(key);
  return {
    nodeId,
    sign: (payload): Signed => ({
      payload,
      signer: nodeId,
      signature: sign(null, Buffer.from(payload), key).toString("base64"),
    }),
  };
}

function spkiOf(key: KeyObject): Buffer {
  const half = key.type === "private" ? createPublicKey(key) : key;
  return half.export({ type: "spki", format: "der" });
}
