// Certificate requests (PKCS #10, RFC 2986). A request contributes its public key and nothing else: its other fields
// are not read.

import { createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import type { HerdError } from "../../core/errors.js";
import { JoinRefused } from "../join-refused.js";
import {
  bits,
  bytesOf,
  type Der,
  decodeDer,
  encodeDer,
  fromPem,
  partsOf,
  sequence,
  sha256WithRsa,
  tagged,
  toPem,
  wholeNumber,
} from "./der.js";

const label = "CERTIFICATE REQUEST";
/** The largest request that is looked at; one for an RSA-4096 key has 1.5 KiB. */
export const csrLimitBytes = 8 * 1024;
const keyBits = { least: 2_048, most: 4_096 } as const;

/** A request (PEM) for the public half of an RSA private key, without a subject. */
export function makeCsr(key: KeyObject): string {
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  const content = sequence(wholeNumber(0), sequence(), decodeDer(spki), tagged(0));
  const signature = sign("sha256", encodeDer(content), key);
  return toPem(label, encodeDer(sequence(content, sha256WithRsa(), bits(signature))));
}

/**
 * A request that {@link parseCsr} accepted: its text (PEM) as it was sent, and its key, whose private half the sender
 * holds.
 */
export interface CertificateRequest {
  readonly pem: string;
  readonly publicKey: KeyObject;
}

/**
 * Parses a request (PEM) and checks that its sender holds the private key. RSA with 2048 to 4096 bits and the exponent
 * 65537: larger keys cost the reader, so the key is measured before its signature is checked. Throws HerdError
 * `join.refused` with the reason.
 */
export function parseCsr(pem: string): CertificateRequest {
  if (pem.length > csrLimitBytes) throw refused(`it has more than ${csrLimitBytes} bytes`);
  const { content, algorithm, signature, key } = parse(pem);
  const { modulusLength = 0, publicExponent } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType !== "rsa") throw refused("its key is not RSA");
  if (modulusLength < keyBits.least || modulusLength > keyBits.most) {
    throw refused(`its RSA key has ${modulusLength} bits instead of ${keyBits.least} to ${keyBits.most}`);
  }
  if (publicExponent !== 65_537n) throw refused("its RSA exponent is not 65537");
  if (!algorithm.equals(encodeDer(sha256WithRsa()))) throw refused("it is not signed with RSA and SHA-256");
  if (!verify("sha256", content, key, signature)) throw refused("its signature is not its key's");
  return { pem, publicKey: key };
}

function parse(pem: string): { content: Buffer; algorithm: Buffer; signature: Buffer; key: KeyObject } {
  try {
    const der = fromPem(label, pem);
    if (der === undefined) throw new TypeError("not one PEM block");
    const [content, algorithm, signature] = partsOf(decodeDer(der));
    const [, , key] = partsOf(content);
    return {
      // Encoded again: bytes that are not DER, which allows one spelling, do not fit their signature.
      content: encodeDer(required(content)),
      algorithm: encodeDer(required(algorithm)),
      signature: wholeBytes(required(bytesOf(signature))),
      key: createPublicKey({ key: encodeDer(required(key)), type: "spki", format: "der" }),
    };
  } catch (cause) {
    throw refused("it cannot be read", cause);
  }
}

/** The bytes of a bit string behind its count of unused bits. */
function wholeBytes([unused, ...bytes]: Buffer): Buffer {
  if (unused !== 0) throw new TypeError("a signature has whole bytes");
  return Buffer.from(bytes);
}

function required<Part extends Der | Buffer>(part: Part | undefined): Part {
  if (part === undefined) throw new TypeError("a part is missing");
  return part;
}

function refused(reason: string, cause?: unknown): HerdError {
  const extras = cause === undefined ? {} : { cause };
  return new JoinRefused(`the certificate request is refused: ${reason}`, extras);
}
