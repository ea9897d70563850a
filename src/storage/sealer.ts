// Encryption at rest: AES-256-GCM under the state's key, with each blob bound to the place it belongs to.

import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

/** Bytes of a sealing key. */
export const sealingKeyBytes = 32;

const magic = Buffer.from("herd1");
const nonceBytes = 12;
const tagBytes = 16;
const overheadBytes = magic.length + nonceBytes + tagBytes;

/**
 * Seals and opens bytes with AES-256-GCM (NIST SP 800-38D). Sealed form: `herd1`, a random 96-bit nonce, ciphertext,
 * 128-bit tag. The context, such as `catalog/index`, is authenticated with it: a blob opens only in the place it was
 * sealed for.
 */
export class Sealer {
  readonly #key: Buffer;

  /** Throws `RangeError` unless the key has {@link sealingKeyBytes} bytes. */
  constructor(key: Uint8Array) {
    if (key.length !== sealingKeyBytes) throw new RangeError(`a sealing key has ${sealingKeyBytes} bytes`);
    this.#key = Buffer.from(key);
  }

  /** The sealed form of `content` for `context`. */
  seal(content: Uint8Array | string, context: string): Buffer {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce);
    cipher.setAAD(associatedData(context));
    const encrypted = typeof content === "string" ? cipher.update(content, "utf8") : cipher.update(content);
    return Buffer.concat([magic, nonce, encrypted, cipher.final(), cipher.getAuthTag()]);
  }

  /** What was sealed for `context`; `undefined` when the bytes are damaged, of another context or of another key. */
  open(sealed: Uint8Array, context: string): Buffer | undefined {
    if (sealed.length < overheadBytes || !magic.equals(sealed.subarray(0, magic.length))) return undefined;
    const encryptedFrom = magic.length + nonceBytes;
    const tagFrom = sealed.length - tagBytes;
    const nonce = sealed.subarray(magic.length, encryptedFrom);
    const decipher = createDecipheriv("aes-256-gcm", this.#key, nonce, { authTagLength: tagBytes });
    decipher.setAAD(associatedData(context));
    decipher.setAuthTag(sealed.subarray(tagFrom));
    const content = decipher.update(sealed.subarray(encryptedFrom, tagFrom));
    try {
      return Buffer.concat([content, decipher.final()]);
    } catch {
      return undefined;
    }
  }
}

/**
 * Which sealing some bytes are: their nonce and tag, which no two sealings share; `undefined` for what is too short to
 * be one.
 */
export function sealIdOf(sealed: Uint8Array): string | undefined {
  if (sealed.length < overheadBytes) return undefined;
  const nonce = sealed.subarray(magic.length, magic.length + nonceBytes);
  return Buffer.concat([nonce, sealed.subarray(sealed.length - tagBytes)]).toString("base64url");
}

function associatedData(context: string): Buffer {
  return Buffer.concat([magic, Buffer.from(context, "utf8")]);
}
