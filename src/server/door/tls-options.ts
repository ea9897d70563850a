// TLS of the public port: versions, cipher suites and groups.

import type { SecureContextOptions } from "node:tls";
import { offeredGroups } from "../../core/tls-groups.js";

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

/** Options of a server of Node. */
export function tlsOptions(): SecureContextOptions {
  return { minVersion: "TLSv1.2", ciphers: suites, honorCipherOrder: true, ecdhCurve: offeredGroups.join(":") };
}
