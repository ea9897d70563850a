// A public leaf for a test's own server: its key is made here, too.

import { createPublicKey } from "node:crypto";
import { issuePublicLeaf, type PublicLeaf, publicLeaf } from "../../../src/pki/x509/public-leaf.js";
import { leafKeyBits, rsaKey } from "../../../src/pki/x509/rsa-key.js";

/** Issues a leaf with a fresh key. */
export async function ownPublicLeaf(
  request: Omit<Parameters<typeof issuePublicLeaf>[0], "publicKey">,
): Promise<PublicLeaf> {
  const key = await rsaKey(leafKeyBits);
  const chain = issuePublicLeaf({ ...request, publicKey: createPublicKey(key) });
  return publicLeaf(chain, key.export({ type: "pkcs8", format: "pem" }) as string);
}
