// Audit records on their way: from the node that signs them into a master's log, and from there into copies.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HerdError } from "../../../src/core/errors.js";
import { Auditor } from "../../../src/pki/audit/auditor.js";
import { AuditCopies, answerAuditRequest } from "../../../src/pki/audit/copies.js";
import { AuditFollower } from "../../../src/pki/audit/follower.js";
import { MemoryFiles } from "../../../src/storage/state-files.js";
import { coded } from "../../core/coded.js";
import { ManualTime } from "../../harness/virtual/manual-time.js";
import type { PaperNode } from "../mesh-records.js";
import { approved, deployed, logged, m1, m2, masterOf, mesh, n1, n2, recordBy, verify } from "./audit-masters.js";
import { silent } from "./silent-log.js";

const { meshId, clock } = mesh;

describe("copies of a log", () => {
  test("follow it, also over restarts, and prove it when its master is gone", async () => {
    const first = await masterOf(m1);
    for (let index = 0; index < 300; index++) await first.log.append(recordBy(m1, approved(`${index}`)));
    const second = await masterOf(m2, { others: [first] });
    await Promise.all([second.copies.pull(m1.id), second.copies.pull(m1.id)]);
    await first.log.append(recordBy(n1, deployed("a")));
    await first.log.settled();
    for (const text of first.heads.texts()) await second.heads.store.accept(text);
    const restarted = await masterOf(m2, { files: second.files, others: [first] });
    await restarted.copies.pull(m1.id);
    await restarted.copies.pull(m1.id);
    assert.deepEqual(verify(await restarted.bundle()), { ok: true, records: 301, problems: [] });
    await assert.rejects(restarted.copies.pull(n1.id), coded("node.overloaded"));
  });

  test("that are behind are no problem at first, and one when they stay so", async () => {
    const first = await logged();
    const second = await masterOf(m2, { others: [first] });
    for (const text of first.heads.texts()) await second.heads.store.accept(text);
    assert.equal(verify(await second.bundle()).ok, true);
    clock.advance(601_000);
    assert.match(
      verify(await second.bundle()).problems.join("\n"),
      /log of m1 ends at entry 0: entries 1 to 5 are missing/,
    );
  });

  test("stay what they were when their master changes its log", async () => {
    const first = await logged();
    const second = await masterOf(m2, { others: [first] });
    await second.copies.pull(m1.id);
    for (const length of [4, 6]) {
      const rewritten = await masterOf(m1);
      for (let index = 0; index < length; index++) await rewritten.log.append(recordBy(m1, approved(`other ${index}`)));
      const witness = await masterOf(m2, { files: second.files, others: [rewritten] });
      await witness.copies.pull(m1.id);
      assert.deepEqual(witness.copies.mismatches(), [m1.id]);
      assert.equal((await witness.copies.of(m1.id)).length, 5);
      await rewritten.log.settled();
      for (const text of rewritten.heads.texts()) await witness.heads.store.accept(text);
      assert.equal(length === 4 || !verify(await witness.bundle()).ok, true);
    }
  });

  test("are pulled again every half minute, whether or not a head told of news", async () => {
    const time = new ManualTime();
    const first = await logged();
    const second = await masterOf(m2, { others: [first] });
    const linked = () => [m1.id, n2.id];
    const follower = new AuditFollower({ copies: second.copies, linked, timers: time, log: silent });
    follower.start();
    follower.start();
    await time.pass(29_999);
    assert.deepEqual(second.copies.masters(), []);
    await time.pass(1);
    await first.log.append(recordBy(m1, approved("later")));
    await time.pass(30_000);
    await follower.stop();
    assert.equal(time.waiting, 0);
    assert.equal((await second.copies.of(m1.id)).length, 6);
    await first.log.settled();
  });

  test("answers that are no page of the log are refused", async () => {
    const first = await logged();
    const entries = first.log.entries;
    for (const body of [null, {}, { master: "x", from: 1 }, { master: m1.id, from: 0 }, { master: m1.id, from: 1.5 }]) {
      await assert.rejects(answerAuditRequest(body, { master: m1.id, entries }), coded("request.malformed"));
    }
    await assert.rejects(
      answerAuditRequest({ master: m2.id, from: 1 }, { master: m1.id, entries }),
      coded("node.unknown"),
    );
    for (const page of [null, { entries: [{}] }, { entries: Array(300).fill({}) }]) {
      const copies = new AuditCopies({ meshId, files: new MemoryFiles(), log: silent, request: async () => page });
      await assert.rejects(copies.pull(m1.id), coded("auth.invalid"));
    }
  });
});

describe("an auditor", () => {
  function auditorOf(node: PaperNode, deliver: (text: string) => Promise<void>, files = new MemoryFiles()) {
    // Unlike the system's, these timers keep the process alive until they are through.
    const timers = {
      after: (_ms: number, run: () => void) => {
        const timer = setTimeout(run, 1);
        return () => clearTimeout(timer);
      },
    };
    return new Auditor({ meshId, signer: node.signer, files, clock, timers, log: silent, deliver });
  }

  test("on a master finds in the log what it just recorded", async () => {
    const master = await masterOf(m1);
    const auditor = auditorOf(m1, (text) => master.log.append(text));
    auditor.start();
    await auditor.record(approved(n1.id));
    assert.equal(master.log.entries.length, 1);
    await auditor.stop();
    await master.log.settled();
  });

  test("keeps what no master takes, over a restart, and delivers it in order when one does", async () => {
    const files = new MemoryFiles();
    const absent = auditorOf(n1, async () => Promise.reject(new Error("no link")), files);
    await absent.open();
    absent.start();
    for (const app of ["a", "b", "c"]) await absent.record(deployed(app));
    await absent.stop();
    const master = await masterOf(m1);
    let fails = 2;
    const auditor = auditorOf(
      n1,
      async (text) => {
        if (fails-- > 0) throw new HerdError("node.overloaded", "busy");
        await master.log.append(text);
      },
      files,
    );
    await auditor.open();
    auditor.start();
    await auditor.settled();
    await auditor.stop();
    const subjects = (await master.log.entries.read(1, 9)).map(
      ({ record }) => /app.deployed.*?subject\\":\\"(\w)/.exec(record)?.[1],
    );
    assert.deepEqual(subjects, ["a", "b", "c"]);
    const empty = auditorOf(n1, async () => assert.fail("nothing is left"), files);
    await empty.open();
    empty.start();
    await empty.settled();
    await empty.stop();
    await master.log.settled();
  });

  test("drops what is refused for good, and cuts what is too long", async () => {
    const texts: string[] = [];
    const auditor = auditorOf(n1, async (text) => {
      texts.push(text);
      if (texts.length === 1) throw new HerdError("auth.invalid", "no");
    });
    auditor.start();
    await auditor.record(deployed("a"));
    await auditor.record({
      event: "app.removed",
      by: "b".repeat(500),
      subject: "s\n\u0000",
      detail: "d".repeat(5_000),
    });
    await auditor.settled();
    assert.equal(texts.length, 2);
    const master = await masterOf(m1);
    await master.log.append(texts[1] ?? "");
    await master.log.settled();
    await auditor.stop();
  });
});
