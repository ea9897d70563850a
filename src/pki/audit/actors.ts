// The nodes that may sign records of an audit bundle, by its records and the root certificate alone.

import { type KeyObject, X509Certificate } from "node:crypto";
import { decodeSigned, type Signed } from "../../core/signed.js";
import { publicKeyOfText } from "../identity/enrolled-key.js";
import { type Payload, parsePayload, verifySigned } from "../registry/records.js";
import type { AuditBundle } from "./bundle.js";

/** A node whose records a bundle proves; `revokedAt` is epoch ms. */
export interface Actor {
  readonly id: string;
  readonly name: string;
  readonly key: KeyObject;
  master: boolean;
  deploy: boolean;
  revokedAt: number | undefined;
}

/** Every actor by id; `problem` receives each record that proves nothing. */
export function actorsOf(
  bundle: AuditBundle,
  { rootCertificate, problem }: { rootCertificate: string; problem: (text: string) => void },
): Map<string, Actor> {
  const rootKey = new X509Certificate(rootCertificate).publicKey;
  const actors = new Map<string, Actor>();
  const read = <Kind extends "grant" | "admission" | "revocation">(kind: Kind, text: string) => {
    const signed = decodeSigned(text);
    const payload = signed && parsePayload(kind, signed.payload);
    if (signed === undefined || payload?.mesh !== bundle.mesh) {
      problem(`a record is no ${kind} of this mesh`);
      return undefined;
    }
    return { signed, payload: payload as Payload<Kind> };
  };
  const byRoot = (signed: Signed) => signed.signer === "root" && verifySigned(signed, rootKey);
  // A master that was revoked since could sign then: other masters signed the same again, or held it before.
  const byMaster = (signed: Signed) => {
    const master = actors.get(signed.signer);
    return master?.master === true && verifySigned(signed, master.key);
  };
  const add = (
    { node: id, name, key }: Payload<"grant" | "admission">,
    marks: { master?: boolean; deploy?: boolean },
  ) => {
    const publicKey = publicKeyOfText(key);
    if (publicKey === undefined) return;
    const known = actors.get(id) ?? { id, name, key: publicKey, master: false, deploy: false, revokedAt: undefined };
    actors.set(id, Object.assign(known, marks));
  };
  for (const text of bundle.grants) {
    const record = read("grant", text);
    if (record === undefined) continue;
    if (byRoot(record.signed)) add(record.payload, { master: true });
    else problem(`the grant of ${record.payload.name} is not signed by the root`);
  }
  for (const text of bundle.admissions) {
    const record = read("admission", text);
    if (record === undefined) continue;
    if (byMaster(record.signed)) add(record.payload, { deploy: record.payload.deploy });
    else problem(`the admission of ${record.payload.name} is not signed by a master`);
  }
  for (const text of bundle.revocations) {
    const record = read("revocation", text);
    if (record === undefined) continue;
    const { signed, payload } = record;
    const actor = actors.get(payload.node);
    if (!byRoot(signed) && !byMaster(signed)) problem(`the revocation of ${payload.node} is not signed by a master`);
    else if (actor !== undefined) actor.revokedAt = Math.min(payload.at, actor.revokedAt ?? payload.at);
  }
  return actors;
}
