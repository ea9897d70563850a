// Groups of the key exchange that this Node can offer.

import { createSecureContext } from "node:tls";

/** Groups of the key exchange. The first resists quantum computers (RFC 9794); OpenSSL has it from 3.5 on. */
const groups = ["X25519MLKEM768", "X25519", "prime256v1", "secp384r1"];

/** The groups that this Node's OpenSSL has, in the order in which the node prefers them. */
export const offeredGroups: readonly string[] = groups.filter((group) => {
  try {
    createSecureContext({ ecdhCurve: group });
    return true;
  } catch {
    return false;
  }
});
