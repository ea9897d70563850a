// Proving an audit log offline: what was changed, dropped, reordered or forged, and logs or heads that contradict each
// other.

import type { AuditVerdict } from "../../api/audit.js";
import { decodeSigned, recordId, type Signed } from "../../core/signed.js";
import { mayRecord, parseAudit } from "../registry/audit-record.js";
import { type Payload, parsePayload, verifySigned } from "../registry/records.js";
import { meshIdOf } from "../x509/root.js";
import { type Actor, actorsOf } from "./actors.js";
import { type AuditBundle, auditBundleSchema } from "./bundle.js";
import { type AuditEntry, chainStart, entryHash } from "./chain.js";

const problemLimit = 1_000;
/** For so long a revocation may not have reached a master, or a master not have copied another's newest entries, ms. */
const spreadMs = 600_000;

interface Proof {
  readonly bundle: AuditBundle;
  readonly actors: ReadonlyMap<string, Actor>;
  readonly problem: (text: string) => void;
}

/**
 * Verifies a bundle (of any shape) against the root certificate (PEM) that its reader trusts. Pure; never throws for
 * the content of a bundle.
 */
export function verifyAudit(value: unknown, rootCertificate: string): AuditVerdict {
  const parsed = auditBundleSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const problem = `it is not an audit bundle: ${[issue?.path.join("/"), issue?.message].filter(Boolean).join(" ")}`;
    return { ok: false, records: 0, problems: [problem] };
  }
  const bundle = parsed.data;
  if (bundle.mesh !== meshIdOf(rootCertificate)) {
    return { ok: false, records: 0, problems: [`the bundle is of mesh ${bundle.mesh}, which has another root`] };
  }
  const problems: string[] = [];
  const problem = (text: string): void => {
    if (problems.length < problemLimit) problems.push(text);
  };
  const proof = { bundle, actors: actorsOf(bundle, { rootCertificate, problem }), problem };
  const heads = headsOf(proof);
  const logs = new Map<string, AuditEntry[]>();
  for (const { master, entries } of bundle.logs) {
    const other = logs.get(master);
    if (other !== undefined) compareLogs(other, entries, { ...proof, master });
    if ((other?.length ?? 0) < entries.length || other === undefined) logs.set(master, entries);
  }
  let records = 0;
  for (const [master, entries] of logs) {
    records += entries.length;
    checkLog(entries, { ...proof, master });
  }
  for (const [master, known] of heads) checkHeads(known, logs.get(master) ?? [], { ...proof, master });
  if (!logs.has(bundle.node)) problem(`the log of ${nameOf(proof, bundle.node)}, which was asked, is missing`);
  return { ok: problems.length === 0, records, problems };
}

/** Heads that are truly signed, by master. */
function headsOf(proof: Proof): Map<string, Payload<"head">[]> {
  const heads = new Map<string, Payload<"head">[]>();
  for (const text of proof.bundle.heads) {
    const signed = decodeSigned(text);
    const head = signed && parsePayload("head", signed.payload);
    if (signed === undefined || head?.mesh !== proof.bundle.mesh || !maySign(signed, head.master, proof)) {
      proof.problem("a head is not signed by the master whose log it is about");
      continue;
    }
    heads.set(head.master, [...(heads.get(head.master) ?? []), head]);
  }
  return heads;
}

function maySign(signed: Signed, master: string, { actors }: Proof): boolean {
  const signer = actors.get(signed.signer);
  // When a master was revoked, other masters sign again how far its log went.
  const forOther = actors.get(master)?.revokedAt !== undefined;
  return signer?.master === true && (signer.id === master || forOther) && verifySigned(signed, signer.key);
}

function checkLog(entries: readonly AuditEntry[], proof: Proof & { readonly master: string }): void {
  const { master, bundle, actors, problem } = proof;
  const log = `the log of ${nameOf(proof, master)}`;
  if (actors.get(master)?.master !== true) {
    problem(`${log} is no master's`);
    return;
  }
  const seen = new Set<string>();
  const revoked = new Set<string>();
  let before: AuditEntry | undefined;
  for (const entry of entries) {
    const expected = (before?.seq ?? 0) + 1;
    const prev = before === undefined ? chainStart : entryHash(before, { meshId: bundle.mesh, master });
    if (entry.seq > expected) problem(`${log}: ${range(expected, entry.seq - 1)} missing`);
    else if (entry.seq < expected) problem(`${log}: entry ${entry.seq} stands where ${expected} belongs`);
    else if (entry.prev !== prev) {
      problem(`${log}: entry ${expected - 1} was changed or replaced, since entry ${expected} names another hash`);
    }
    checkRecord(entry, { ...proof, where: `${log}: entry ${entry.seq}`, seen, revoked });
    before = entry;
  }
}

interface Reading extends Proof {
  readonly where: string;
  readonly seen: Set<string>;
  /** Nodes whose revocation stands earlier in this log. */
  readonly revoked: Set<string>;
}

function checkRecord(entry: AuditEntry, { bundle, actors, problem, where, seen, revoked }: Reading): void {
  const signed = decodeSigned(entry.record);
  const payload = signed && parseAudit(signed);
  if (signed === undefined || payload === undefined || payload.mesh !== bundle.mesh) {
    problem(`${where} holds no audit record of this mesh`);
    return;
  }
  const actor = actors.get(signed.signer);
  if (actor === undefined) {
    problem(`${where} is signed by ${signed.signer}, whom nobody let in`);
    return;
  }
  if (!verifySigned(signed, actor.key)) {
    problem(`${where} is not what ${actor.name} signed`);
    return;
  }
  if (!mayRecord(payload.event, actor)) problem(`${where}: ${payload.event} is not for ${actor.name} to record`);
  const id = recordId(signed);
  if (seen.has(id)) problem(`${where} is there twice`);
  seen.add(id);
  const since = actor.revokedAt === undefined ? undefined : actor.revokedAt + spreadMs;
  if (revoked.has(actor.id) || (since !== undefined && Math.max(payload.at, entry.at) > since)) {
    problem(`${where} is signed by ${actor.name} after its revocation`);
  }
  // Only a revocation that is proved: a record of the log alone revokes nobody.
  if (payload.event === "node.revoked" && actors.get(payload.subject)?.revokedAt !== undefined)
    revoked.add(payload.subject);
}

function checkHeads(
  heads: readonly Payload<"head">[],
  entries: readonly AuditEntry[],
  proof: Proof & { readonly master: string },
): void {
  const { master, bundle, problem } = proof;
  const log = `the log of ${nameOf(proof, master)}`;
  const bySeq = new Map(entries.map((entry) => [entry.seq, entry]));
  const last = entries.at(-1)?.seq ?? 0;
  const hashes = new Map<number, string>();
  let missing = 0;
  for (const { seq, hash, at } of heads) {
    const other = hashes.get(seq);
    if (other !== undefined && other !== hash) problem(`${log} has two histories: two heads differ at entry ${seq}`);
    hashes.set(seq, hash);
    const entry = bySeq.get(seq);
    if (entry !== undefined) {
      if (entryHash(entry, { meshId: bundle.mesh, master }) !== hash) {
        problem(`${log}: entry ${seq} is not the one that its master signed`);
      }
    } else if (seq > last && (master === bundle.node || at < bundle.at - spreadMs)) missing = Math.max(missing, seq);
  }
  if (missing > last) problem(`${log} ends at entry ${last}: ${range(last + 1, missing)} missing at its end`);
}

function compareLogs(
  one: readonly AuditEntry[],
  other: readonly AuditEntry[],
  proof: Proof & { readonly master: string },
): void {
  const owner = { meshId: proof.bundle.mesh, master: proof.master };
  const bySeq = new Map(one.map((entry) => [entry.seq, entry]));
  for (const entry of other) {
    const other = bySeq.get(entry.seq);
    if (other === undefined || entryHash(other, owner) === entryHash(entry, owner)) continue;
    proof.problem(`two copies of the log of ${nameOf(proof, proof.master)} differ from entry ${entry.seq} on`);
    return;
  }
}

function range(from: number, to: number): string {
  return from === to ? `entry ${from} is` : `entries ${from} to ${to} are`;
}

function nameOf({ actors }: Proof, id: string): string {
  return actors.get(id)?.name ?? id;
}
