// The short code that both sides of a join without a token show: equal only when nobody stands between them.

import { createHash, X509Certificate } from "node:crypto";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const characters = 12;

/**
 * What the code is taken from: the root as this side knows it (PEM), and the request's key, CSRs and nonce as they were
 * sent.
 */
interface CodeInput {
  readonly rootCertificate: string;
  readonly key: string;
  readonly csr: string;
  readonly publicCsr: string;
  readonly nonce: string;
}

/** `XXXX-XXXX-XXXX`: 60 bits of SHA-256 in base32 (RFC 4648). Every part is hashed with its length before it. */
export function joinCode({ rootCertificate, key, csr, publicCsr, nonce }: CodeInput): string {
  const hash = createHash("sha256");
  const parts = [
    new X509Certificate(rootCertificate).raw,
    ...[key, csr, publicCsr, nonce].map((text) => Buffer.from(text)),
  ];
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  let bits = BigInt(`0x${hash.digest("hex").slice(0, (characters * 5) / 4)}`);
  let code = "";
  for (let index = 0; index < characters; index++) {
    code = (alphabet[Number(bits & 31n)] ?? "") + code;
    bits >>= 5n;
  }
  return `${code.slice(0, 4)}-${code.slice(4, 8)}-${code.slice(8)}`;
}
