// TLS of the public port: versions, cipher suites and groups.

import { createSecureContext, type SecureContextOptions } from "node:tls";

/**
 * Cipher suites of TLS 1.2, by OpenSSL's names: forward secrecy and authenticated encryption (RFC 9325, section 4.2).
 * All suites of TLS 1.3 have both.
 */
export const oldSuites = [
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

const suites = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", oldSuites].join(
  ":",
);

/** Groups of the key exchange. The first resists quantum computers (RFC 9794); OpenSSL has it from 3.5 on. */
const groups = ["X25519MLKEM768", "X25519", "prime256v1", "secp384r1"];

/** The groups that this Node's OpenSSL has, in the order in which the node prefers them. */
export function offeredGroups(): readonly string[] {
  return groups.filter((group) => {
    try {
      createSecureContext({ ecdhCurve: group });
      return true;
    } catch {
      return false;
    }
  });
}

/** Options of a server of Node. */
export function tlsOptions(): SecureContextOptions {
  return { minVersion: "TLSv1.2", ciphers: suites, honorCipherOrder: true, ecdhCurve: offeredGroups().join(":") };
}
