// The audit log: what is recorded, that it lasts, and that no change of it stays unseen.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ErrorCode } from "../../../src/core/error-codes.js";
import { decodeSigned, encodeSigned } from "../../../src/core/signed.js";
import type { AuditBundle } from "../../../src/pki/audit/bundle.js";
import { type AuditEntry, entryHash } from "../../../src/pki/audit/chain.js";
import { listAudit } from "../../../src/pki/audit/list.js";
import { verifyAudit } from "../../../src/pki/audit/verify.js";
import { auditPayloadText } from "../../../src/pki/registry/audit-record.js";
import { MemoryFiles } from "../../../src/storage/state-files.js";
import { coded } from "../../core/coded.js";
import { PaperMesh } from "../mesh-records.js";
import { approved, deployed, logged, m1, m2, masterOf, mesh, n1, n2, recordBy, verify } from "./audit-masters.js";

const { meshId, clock } = mesh;

describe("a master's log", () => {
  test("takes each record once, in the order in which they come, and proves itself", async () => {
    const master = await logged();
    const again = recordBy(n1, deployed("d"));
    await Promise.all([master.log.append(again), master.log.append(again)]);
    await master.log.append(again);
    assert.equal(master.log.entries.length, 6);
    await master.log.settled();
    assert.equal(master.heads.newest(m1.id)?.seq, 6);
    assert.deepEqual(verify(await master.bundle()), { ok: true, records: 6, problems: [] });
    const { self, own, copies } = { self: m1.id, own: master.log.entries, copies: master.copies };
    const listed = await listAudit({ self, own, copies }, { limit: 2, event: "app.deployed" });
    assert.deepEqual(
      listed.map(({ seq, subject, node }) => [seq, subject, node]),
      [
        [3, "c", n1.id],
        [6, "d", n1.id],
      ],
    );
  });

  test("goes on after a restart where it ended, over many segments", async () => {
    const files = new MemoryFiles();
    const master = await masterOf(m1, { files });
    const texts = Array.from({ length: 600 }, (_, index) => recordBy(m1, approved(`${index}`)));
    await Promise.all(texts.slice(0, 300).map((text) => master.log.append(text)));
    await master.log.settled();
    const restarted = await masterOf(m1, { files });
    assert.equal(restarted.log.entries.length, 300);
    for (const text of texts) await restarted.log.append(text);
    assert.deepEqual(verify(await restarted.bundle()), { ok: true, records: 600, problems: [] });
    const page = await restarted.log.entries.read(250, 20);
    assert.deepEqual([page.length, page[0]?.seq, page.at(-1)?.seq], [20, 250, 269]);
  });

  test("takes no record again after a restart, however old it is", async () => {
    const files = new MemoryFiles();
    const master = await masterOf(m1, { files });
    const old = recordBy(n1, deployed("old"));
    await master.log.append(old);
    const texts = Array.from({ length: 4_200 }, (_, index) => recordBy(m1, approved(`${index}`)));
    await Promise.all(texts.map((text) => master.log.append(text)));
    await master.log.settled();
    const restarted = await masterOf(m1, { files });
    await restarted.log.append(old);
    assert.equal(restarted.log.entries.length, 4_201);
    assert.deepEqual(verify(await restarted.bundle()), { ok: true, records: 4_201, problems: [] });
  });

  test("refuses what its signer may not record", async () => {
    const master = await masterOf(m1);
    const [record] = [recordBy(n1, deployed("a"))];
    const { payload, signer, signature } = decodeSigned(record) ?? assert.fail();
    const changed = encodeSigned({ payload: payload.replace('"a"', '"z"'), signer, signature });
    const other = await PaperMesh.found();
    const cases: [string, ErrorCode, RegExp][] = [
      ["{}", "auth.invalid", /not an audit record/],
      [changed, "auth.invalid", /not what node/],
      [record + " ".repeat(4_096), "auth.invalid", /not an audit record/],
      [
        encodeSigned(n1.signer.sign(auditPayloadText(deployed("a"), { meshId: other.meshId, at: 0 }))),
        "auth.invalid",
        /of this mesh/,
      ],
      [recordBy(n1, approved("x")), "auth.invalid", /not for node/],
      [recordBy(n2, deployed("x")), "auth.invalid", /not for node/],
      [recordBy(mesh.node("x"), deployed("x")), "node.unavailable", /not known/],
    ];
    for (const [text, code, reason] of cases) await assert.rejects(master.log.append(text), coded(code, reason));
    await master.publish("revocation", mesh.revocation(n1, { master: m1 }));
    await assert.rejects(master.log.append(record), coded("auth.invalid", /revoked/));
    assert.equal(master.log.entries.length, 0);
  });

  test("is not filled by one node", async () => {
    const master = await masterOf(m1);
    const flood = Array.from({ length: 600 }, (_, index) => master.log.append(recordBy(n1, deployed(`app-${index}`))));
    const settled = await Promise.allSettled(flood);
    assert.equal(settled.filter(({ status }) => status === "fulfilled").length, 500);
    await assert.rejects(master.log.append(recordBy(n1, deployed("more"))), coded("request.throttled"));
    await master.log.append(recordBy(m1, approved("x")));
    clock.advance(1_000);
    await master.log.append(recordBy(n1, deployed("more")));
    await master.log.settled();
  });

  test("that lost its end says so by a head that contradicts the one before", async () => {
    const files = new MemoryFiles();
    const master = await logged(files);
    await master.heads.settled();
    await files.write("log-0", JSON.stringify(await master.log.entries.read(1, 3)));
    const restored = await masterOf(m1, { files });
    for (const app of ["y", "z"]) await restored.log.append(recordBy(n1, deployed(app)));
    await restored.log.settled();
    assert.ok(restored.heads.conflicts.length > 0, `${restored.heads.conflicts.length}`);
    assert.match(verify(await restored.bundle()).problems.join("\n"), /two histories|not the one/);
  });

  test("tells how far it went when a crash came before its head, and tries no head for ever", async () => {
    const files = new MemoryFiles();
    const master = await masterOf(m1, { files });
    let tries = 0;
    master.heads.store.accept = async () => {
      tries++;
      throw new Error("disk full");
    };
    await master.log.append(recordBy(m1, approved("x")));
    await master.log.settled();
    assert.equal(tries, 1);
    const restarted = await masterOf(m1, { files });
    assert.equal(restarted.heads.newest(m1.id), undefined);
    restarted.log.announce();
    await restarted.log.settled();
    assert.equal(restarted.heads.newest(m1.id)?.seq, 1);
  });

  test("keeps nothing that could not be stored", async () => {
    const files = new MemoryFiles();
    const master = await logged(files);
    const { write } = files;
    files.write = async () => Promise.reject(new Error("disk full"));
    const record = recordBy(n1, deployed("d"));
    await assert.rejects(master.log.append(record), /disk full/);
    files.write = write;
    assert.equal(master.log.entries.length, 5);
    await master.log.append(record);
    assert.deepEqual(verify(await master.bundle()), { ok: true, records: 6, problems: [] });
  });
});

test("what was stored before a write failed half way does not come in again", async () => {
  const files = new MemoryFiles();
  const master = await masterOf(m1, { files });
  const texts = Array.from({ length: 300 }, (_, index) => recordBy(m1, approved(`half ${index}`)));
  const write = files.write.bind(files);
  files.write = async (name, content) => {
    if (name === "log-1") throw new Error("disk full");
    await write(name, content);
  };
  await Promise.allSettled(texts.map((text) => master.log.append(text)));
  files.write = write;
  await Promise.all(texts.map((text) => master.log.append(text)));
  await master.log.settled();
  assert.deepEqual(verify(await master.bundle()), { ok: true, records: 300, problems: [] });
});

describe("a proof finds", () => {
  /** A bundle whose own log `change` has been at. */
  async function tampered(change: (entries: AuditEntry[]) => AuditEntry[]): Promise<readonly string[]> {
    const bundle = await (await logged()).bundle();
    const [own] = bundle.logs;
    assert.ok(own !== undefined, "no own");
    own.entries = change(own.entries);
    const { ok, problems } = verify(bundle);
    assert.equal(ok, problems.length === 0);
    return problems;
  }

  /** The chain made anew, as a master could that rewrites its own log. */
  function rechained(entries: readonly AuditEntry[]): AuditEntry[] {
    const chain: AuditEntry[] = [];
    for (const [index, entry] of entries.entries()) {
      const before = chain.at(-1);
      const prev = before === undefined ? "0".repeat(64) : entryHash(before, { meshId, master: m1.id });
      chain.push({ ...entry, seq: index + 1, prev });
    }
    return chain;
  }

  const cases: [string, (entries: AuditEntry[]) => AuditEntry[], RegExp][] = [
    ["nothing in a log that is whole", (entries) => entries, /^$/],
    ["a dropped record", (entries) => entries.filter(({ seq }) => seq !== 3), /entry 3 is missing/],
    ["a dropped beginning", (entries) => entries.slice(2), /entries 1 to 2 are missing/],
    ["a dropped end", (entries) => entries.slice(0, 3), /ends at entry 3: entries 4 to 5 are missing at its end/],
    ["an emptied log", () => [], /entries 1 to 5 are missing at its end/],
    [
      "a changed time",
      (entries) => entries.map((entry) => (entry.seq === 2 ? { ...entry, at: 1 } : entry)),
      /entry 2 was changed/,
    ],
    [
      "a changed last record",
      (entries) => entries.map((entry) => (entry.seq === 5 ? { ...entry, at: 1 } : entry)),
      /entry 5 is not the one/,
    ],
    ["reordered records", ([a, b, ...rest]) => (a && b ? [b, a, ...rest] : []), /entry 1 is missing|stands where/],
    ["a record twice", (entries) => rechained([...entries.slice(0, 2), ...entries.slice(1, 5)]), /is there twice/],
    [
      "a chain made anew without a record",
      (entries) => rechained(entries.filter(({ seq }) => seq !== 3)),
      /entry 5 is missing at its end/,
    ],
    [
      "a chain made anew with a record in another's place",
      (entries) =>
        rechained(
          entries.map((entry) => (entry.seq === 3 ? { ...entry, record: recordBy(n1, deployed("z")) } : entry)),
        ),
      /entry 5 is not the one that its master signed/,
    ],
    [
      "a forged record",
      (entries) =>
        entries.map((entry) =>
          entry.seq === 1 ? { ...entry, record: entry.record.replace("app.deployed", "app.removed") } : entry,
        ),
      /entry 1 is not what n1 signed/,
    ],
    [
      "no record at all",
      (entries) => entries.map((entry) => (entry.seq === 1 ? { ...entry, record: "{}" } : entry)),
      /entry 1 holds no audit record/,
    ],
    [
      "a signer whom nobody let in",
      (entries) =>
        rechained(
          entries.map((entry) =>
            entry.seq === 1 ? { ...entry, record: recordBy(mesh.node("x"), deployed("a")) } : entry,
          ),
        ),
      /whom nobody let in/,
    ],
    [
      "a signer without the right",
      (entries) =>
        rechained(
          entries.map((entry) => (entry.seq === 1 ? { ...entry, record: recordBy(n2, deployed("a")) } : entry)),
        ),
      /not for n2 to record/,
    ],
  ];
  for (const [name, change, expected] of cases) {
    test(name, async () => {
      const problems = await tampered(change);
      assert.match(problems.join("\n"), expected);
    });
  }

  test("a signer that went on after its revocation", async () => {
    const master = await logged();
    await master.publish("revocation", mesh.revocation(n1, { master: m1 }));
    await master.log.append(recordBy(m1, { event: "node.revoked", by: "token 1", subject: n1.id, detail: "n1" }));
    assert.equal(verify(await master.bundle()).ok, true, "what it did before stays good");
    const bundle = await master.bundle();
    const own = bundle.logs[0]?.entries ?? [];
    own.push({ seq: 7, prev: "0".repeat(64), record: recordBy(n1, deployed("late")), at: clock.now() });
    bundle.logs[0] = { master: m1.id, entries: rechained(own) };
    assert.match(verify(bundle).problems.join("\n"), /entry 7 is signed by n1 after its revocation/);
  });

  test("two histories of one log, when others saw the first", async () => {
    const files = new MemoryFiles();
    const honest = await logged(files);
    const witness = await masterOf(m2);
    for (const text of honest.heads.texts()) await witness.heads.store.accept(text);
    // The master goes back to an earlier state of its disk, and on from there.
    const forked = await masterOf(m1);
    for (const app of ["a", "b", "x"]) await forked.log.append(recordBy(n1, deployed(app)));
    for (const subject of [n1.id, n2.id]) await forked.log.append(recordBy(m1, approved(subject)));
    await forked.log.settled();
    assert.equal(verify(await forked.bundle()).ok, true, "by itself it looks whole");
    assert.match(verify(await forked.bundle(witness.heads.texts())).problems.join("\n"), /two histories|not the one/);
    for (const text of forked.heads.texts()) await witness.heads.store.accept(text).catch(() => undefined);
    assert.equal(witness.heads.conflicts.length, 1);
    await witness.heads.settled();
    const restarted = await masterOf(m2, { files: witness.files });
    assert.equal(restarted.heads.conflicts.length, 1);
    assert.match(verify(await restarted.bundle()).problems.join("\n"), /log of m1 has two histories/);
  });

  test("a history that was rewritten and then went on, by the heads seen before", async () => {
    const honest = await logged();
    const witness = await masterOf(m2);
    for (const text of honest.heads.texts()) await witness.heads.store.accept(text);
    clock.advance(1);
    const forked = await masterOf(m1);
    for (const app of ["x", "b", "c", "d", "e", "f", "g"]) await forked.log.append(recordBy(n1, deployed(app)));
    await forked.log.settled();
    for (const text of forked.heads.texts()) await witness.heads.store.accept(text);
    assert.equal(witness.heads.newest(m1.id)?.seq, 7);
    assert.match(
      verify(await forked.bundle(witness.heads.texts())).problems.join("\n"),
      /entry 5 is not the one that its master signed/,
    );
  });

  test("records of the mesh that prove nothing, and bundles that are none", async () => {
    const bundle = await (await logged()).bundle();
    const other = await PaperMesh.found();
    assert.match(verifyAudit(bundle, other.root.certificate).problems.join(), /another root/);
    const admission = mesh.admission(mesh.node("x"), { master: n1 });
    const forged: AuditBundle = {
      ...bundle,
      admissions: [...bundle.admissions, admission],
      grants: [...bundle.grants, "x"],
    };
    assert.match(
      verify(forged).problems.join("\n"),
      /no grant of this mesh\nthe admission of x is not signed by a master/,
    );
    const head = mesh.record("head", { master: m1.id, seq: 9, hash: "0".repeat(64) }, m2);
    assert.match(verify({ ...bundle, heads: [...bundle.heads, head] }).problems.join("\n"), /a head is not signed/);
    assert.match(verify({ ...bundle, logs: [] }).problems.join("\n"), /which was asked, is missing/);
    for (const value of [null, [], {}, { ...bundle, heads: [1] }]) assert.equal(verify(value).ok, false);
  });
});
