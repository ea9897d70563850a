// Certificate revocation lists (RFC 5280, section 5), for readers that know a mesh by its certificates alone.

import { sign } from "node:crypto";
import forge from "node-forge";
import type { Clock } from "../../core/clock.js";
import { authorityKeyIdentifier, type Issuer } from "./certificate.js";
import {
  bits,
  type Der,
  encodeDer,
  integer,
  objectIdentifier,
  octets,
  sequence,
  sha256WithRsa,
  tagged,
  time,
  toPem,
  wholeNumber,
} from "./der.js";

const day = 86_400_000;
const crlNumberOid = "2.5.29.20";
// Its types do not know this function.
const pki = forge.pki as typeof forge.pki & { distinguishedNameToAsn1(name: object): Der };

/** How long a list may be used before a newer one must be there. */
export const crlLifetimeMs = 7 * day;

/** A certificate that is good no more: its serial in hex, and since when (epoch ms). */
export interface RevokedCertificate {
  readonly serial: string;
  readonly at: number;
}

/** The content of a list. `number` grows from list to list of one issuer (whole, up to 2^53 - 1). */
interface CrlContent {
  readonly issuer: Pick<Issuer, "certificate" | "key">;
  readonly revoked: readonly RevokedCertificate[];
  readonly number: number;
  readonly clock: Clock;
  readonly lifetimeMs?: number;
}

/**
 * Signs a list (version 2, PEM) of the certificates that an issuer revoked. A serial that is there twice counts once,
 * the earlier time.
 */
export function issueCrl(content: CrlContent): string {
  const { issuer, number, clock, lifetimeMs = crlLifetimeMs } = content;
  const now = clock.now();
  const entries = entriesOf(content.revoked);
  const identifier = authorityKeyIdentifier(issuer.key);
  const body = sequence(
    wholeNumber(1),
    sha256WithRsa(),
    pki.distinguishedNameToAsn1(issuer.certificate.subject),
    time(now),
    time(now + lifetimeMs),
    // An empty list must be absent.
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
    tagged(
      0,
      sequence(
        sequence(objectIdentifier(identifier.id), octets(identifier.value)),
        sequence(objectIdentifier(crlNumberOid), octets(encodeDer(wholeNumber(number)))),
      ),
    ),
  );
  const signature = sign("sha256", encodeDer(body), issuer.key);
  return toPem("X509 CRL", encodeDer(sequence(body, sha256WithRsa(), bits(signature))));
}

function entriesOf(revoked: readonly RevokedCertificate[]): Der[] {
  const since = new Map<string, number>();
  for (const { serial, at } of revoked) {
    if (!/^([0-9a-f]{2}){1,20}$/i.test(serial)) throw new TypeError(`not a serial number: ${serial.slice(0, 64)}`);
    const key = serial.toLowerCase();
    since.set(key, Math.min(at, since.get(key) ?? at));
  }
  return [...since].map(([serial, at]) => sequence(integer(Buffer.from(serial, "hex")), time(at)));
}
