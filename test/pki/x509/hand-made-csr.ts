// Certificate requests that no library makes: of any parts, and with keys that nobody has.

import { randomBytes } from "node:crypto";
import {
  bits,
  type Der,
  decodeDer,
  encodeDer,
  integer,
  objectIdentifier,
  sequence,
  sha256WithRsa,
  tagged,
  toPem,
  wholeNumber,
} from "../../../src/pki/x509/der.js";

/** A request for an RSA key of 16,384 bits, in PEM: what costs a reader dearly that looks at its signature first. */
export function hugeCsr(): string {
  return request(hugeKey(2_048), () => randomBytes(2_048));
}

/** An RSA public key of random numbers: nobody has its private half, and making it costs nothing. */
function hugeKey(bytes: number): Der {
  const modulus = randomBytes(bytes);
  modulus[0] = 0x80 | (modulus[0] ?? 0);
  modulus[bytes - 1] = 1 | (modulus[bytes - 1] ?? 0);
  const key = sequence(integer(Buffer.concat([Buffer.of(0), modulus])), wholeNumber(65_537));
  const algorithm = sequence(objectIdentifier("1.2.840.113549.1.1.1"), decodeDer(Buffer.of(5, 0)));
  return sequence(algorithm, bits(encodeDer(key)));
}

/** A request of any parts, signed with any key. */
export function request(spki: Der, signature: (content: Buffer) => Buffer, algorithm = sha256WithRsa()): string {
  const content = sequence(wholeNumber(0), sequence(), spki, tagged(0));
  return toPem("CERTIFICATE REQUEST", encodeDer(sequence(content, algorithm, bits(signature(encodeDer(content))))));
}
