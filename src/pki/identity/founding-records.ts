// The two records that begin a mesh: the root makes its founder a master, and the founder lets itself in.

import { type KeyObject, sign } from "node:crypto";
import { encodeSigned, type Signed, type Signer } from "../../core/signed.js";
import { payloadText } from "../registry/records.js";
import { publicKeyText } from "./enrolled-key.js";

/**
 * A node that becomes a master, with its enrolled key (SPKI DER in base64) and its CA certificate (PEM). `at` is epoch
 * ms.
 */
interface GrantContent {
  readonly meshId: string;
  readonly nodeId: string;
  readonly name: string;
  readonly key: string;
  readonly certificate: string;
  readonly at: number;
}

/** The payload of a grant, for the root to sign. */
export function grantPayload({ meshId, nodeId, name, key, certificate, at }: GrantContent): string {
  return payloadText({ kind: "grant", mesh: meshId, node: nodeId, name, key, certificate, at });
}

/** Signs a payload with the root's key: RSA (PKCS #1 v1.5) with SHA-256. */
export function signAsRoot(payload: string, rootKey: KeyObject): Signed {
  return { payload, signer: "root", signature: sign("sha256", Buffer.from(payload), rootKey).toString("base64") };
}

/** The texts of a founder's grant and admission. */
export function foundingRecords(
  founder: Omit<GrantContent, "key"> & { deploy: boolean },
  keys: { rootKey: KeyObject; enrolledKey: KeyObject; signer: Signer },
): string[] {
  const { meshId, nodeId, name, deploy, at } = founder;
  const key = publicKeyText(keys.enrolledKey);
  const grant = signAsRoot(grantPayload({ ...founder, key }), keys.rootKey);
  const admission = keys.signer.sign(
    payloadText({
      kind: "admission",
      mesh: meshId,
      node: nodeId,
      name,
      key,
      parent: null,
      approvedBy: "founder",
      at,
      deploy,
      master: true,
    }),
  );
  return [grant, admission].map(encodeSigned);
}
