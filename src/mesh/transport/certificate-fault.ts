// The reason why a peer's certificate is not valid, as text: OpenSSL's finding, and the certificate's times by our
// clock.

import type { X509Certificate } from "node:crypto";
import { spanText } from "../../core/clock-skew.js";

/**
 * The fault of a certificate that OpenSSL judged with this code (`CERT_HAS_EXPIRED`, …), at `now` (epoch ms, OpenSSL's
 * own clock).
 */
export function certificateFault(code: string, certificate: X509Certificate | undefined, now = Date.now()): string {
  const [begins, ends] = [Date.parse(certificate?.validFrom ?? ""), Date.parse(certificate?.validTo ?? "")];
  const here = `by the clock here (${new Date(now).toISOString()}, ${code})`;
  if (ends <= now) return `its certificate ended ${spanText(now - ends)} ago ${here}`;
  if (begins > now)
    return `its certificate begins only in ${spanText(begins - now)} ${here}: one of the two clocks is wrong`;
  return `its certificate does not hold (${code})`;
}

/** The node id that a certificate names, proved or not; `undefined` when it names none. */
export function claimedNode(certificate: X509Certificate | undefined): string | undefined {
  return /(?:^|, )URI:spiffe:\/\/[0-9a-f]{32}\/node\/([0-9a-f]{32})$/.exec(certificate?.subjectAltName ?? "")?.[1];
}
