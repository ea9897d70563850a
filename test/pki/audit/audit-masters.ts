// Masters with audit logs, on a mesh on paper.

import { HerdError } from "../../../src/core/errors.js";
import { encodeSigned } from "../../../src/core/signed.js";
import { auditBundle } from "../../../src/pki/audit/bundle.js";
import { AuditCopies, answerAuditRequest } from "../../../src/pki/audit/copies.js";
import { AuditLog } from "../../../src/pki/audit/log.js";
import { verifyAudit } from "../../../src/pki/audit/verify.js";
import { AuditHeads } from "../../../src/pki/audit/witnessed-heads.js";
import { type AuditEvent, auditPayloadText } from "../../../src/pki/registry/audit-record.js";
import { Registry } from "../../../src/pki/registry/registry.js";
import { MemoryFiles } from "../../../src/storage/state-files.js";
import { PaperMesh, type PaperNode } from "../mesh-records.js";
import { silent } from "./silent-log.js";

/** A mesh of the masters m1 and m2, and of n1 and n2, of which n2 may not deploy. */
export const mesh = await PaperMesh.found();
const { meshId, clock } = mesh;
const rootCertificate = mesh.root.certificate;
/** Masters and nodes. */
export const m1 = await mesh.master("m1");
export const m2 = await mesh.master("m2");
export const n1 = mesh.node("n1");
export const n2 = mesh.node("n2");

export const deployed = (app: string): AuditEvent => ({
  event: "app.deployed",
  by: "token 1",
  subject: app,
  detail: "0123456789ab",
});
export const approved = (subject: string): AuditEvent => ({
  event: "join.approved",
  by: "token 1",
  subject,
  detail: "",
});

/** The text of a record that a node signs now. */
export function recordBy(node: PaperNode, event: AuditEvent): string {
  return encodeSigned(node.signer.sign(auditPayloadText(event, { meshId, at: clock.now() })));
}

/** Where a master keeps its state, and the masters whose logs it can ask for. */
interface MasterOptions {
  readonly files?: MemoryFiles;
  readonly others?: readonly { readonly id: string; readonly log: AuditLog }[];
}

/** A master with its log, the heads it saw, and its copies of the logs of `others`. */
export async function masterOf(node: PaperNode, { files = new MemoryFiles(), others = [] }: MasterOptions = {}) {
  const registry = new Registry({ meshId, rootCertificate, files: new MemoryFiles(), clock });
  const heads = new AuditHeads({ meshId, files, clock, registry, log: silent });
  const publish = async (kind: string, text: string) => {
    if (kind === "revocation") await registry.revocations.accept(text);
    else await heads.store.accept(text);
  };
  const log = new AuditLog({ meshId, signer: node.signer, files, clock, registry, heads, publish, log: silent });
  const ask = async (master: string, body: unknown) => {
    const owner = others.find(({ id }) => id === master);
    if (owner === undefined) throw new HerdError("node.overloaded", "not there");
    return JSON.parse(
      JSON.stringify(await answerAuditRequest(body, { master, entries: owner.log.entries })),
    ) as unknown;
  };
  const copies = new AuditCopies({ meshId, files, log: silent, request: ask });
  for (const each of [m1, m2]) await registry.grants.accept(mesh.grant(each));
  await registry.admissions.accept(mesh.admission(m1, { master: m1, parent: null, approvedBy: "founder" }));
  await registry.admissions.accept(mesh.admission(m2, { master: m1 }));
  await registry.admissions.accept(mesh.admission(n1, { master: m1 }));
  await registry.admissions.accept(mesh.admission(n2, { master: m1, deploy: false }));
  await heads.open();
  await copies.open();
  await log.open();
  const bundle = async (otherHeads: readonly string[] = []) => {
    await log.settled();
    const sources = { registry, self: node.id, own: log.entries, copies, heads, clock };
    return auditBundle({ ...sources, otherHeads: async () => otherHeads });
  };
  return { id: node.id, registry, heads, log, copies, files, bundle, publish };
}

/** A master's log with five records in it. */
export async function logged(files = new MemoryFiles()): Promise<Awaited<ReturnType<typeof masterOf>>> {
  const master = await masterOf(m1, { files });
  for (const app of ["a", "b", "c"]) await master.log.append(recordBy(n1, deployed(app)));
  for (const subject of [n1.id, n2.id]) await master.log.append(recordBy(m1, approved(subject)));
  await master.log.settled();
  return master;
}

/** The verdict on a bundle that went over a wire. */
export const verify = (bundle: unknown) => verifyAudit(JSON.parse(JSON.stringify(bundle)), rootCertificate);
