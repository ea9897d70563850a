// `herd audit verify` as people run it: on a saved log, intact and damaged, and on what a node gives.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { AuditBundle } from "../../src/pki/audit/bundle.js";
import { herdCommand } from "../../src/testing/herd-command.js";
import { TestNode } from "../harness/tls/test-node.js";
import { logged, mesh } from "../pki/audit/audit-masters.js";

let folder: string;
let bundle: AuditBundle;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "herd-audit-"));
  bundle = await (await logged()).bundle();
  await writeFile(join(folder, "ca.pem"), mesh.root.certificate);
});

after(() => rm(folder, { recursive: true, force: true }));

function herd(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, HERD_STATE: join(folder, "state") };
  return new Promise((resolve) => {
    execFile(process.execPath, [herdCommand, "audit", "verify", ...args], { cwd: folder, env }, (error, out, err) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err });
    });
  });
}

async function saved(value: unknown): Promise<string> {
  const path = join(folder, "bundle.json");
  await writeFile(path, typeof value === "string" ? value : JSON.stringify(value));
  return path;
}

test("an intact log is proved without a node", async () => {
  const path = await saved(bundle);
  const json = await herd(path, "--ca", "ca.pem", "--json");
  assert.deepEqual([json.code, JSON.parse(json.out)], [0, { ok: true, records: 5, problems: [] }]);
  const text = await herd(path, "--ca", "ca.pem");
  assert.deepEqual([text.code, text.out], [0, "5 records: nothing changed, dropped, reordered or forged\n"]);
});

test("a log that lost an entry fails with exit code 1 and names the entry", async () => {
  const [log] = bundle.logs;
  assert.ok(log, "no log");
  const entries = log.entries.filter(({ seq }) => seq !== 2);
  const path = await saved({ ...bundle, logs: [{ ...log, entries }] });
  const text = await herd(path, "--ca", "ca.pem");
  assert.equal(text.code, 1);
  assert.match(text.out, /entry 2 is missing/);
  assert.match(text.err, /^herd: the audit log is not proved: \d+ problems?\n$/);
  const json = await herd(path, "--ca", "ca.pem", "--json");
  assert.equal(json.code, 1);
  assert.deepEqual(Object.keys(JSON.parse(json.out)), ["ok", "records", "problems"]);
});

test("a file that is no bundle is not proved; an unreadable file, or a missing root, is wrong usage", async () => {
  const cut = await herd(await saved('{"v":1,'), "--ca", "ca.pem", "--json");
  assert.deepEqual([cut.code, JSON.parse(cut.out).ok], [1, false]);
  assert.equal((await herd("nothing.json", "--ca", "ca.pem")).code, 2);
  assert.match((await herd(await saved(bundle))).err, /--ca/);
});

test("a node's log is joined with heads that the node saw, saved, and checked by the trusted root", async () => {
  const node = await TestNode.start();
  try {
    node.mesh.audit.bundle = () => bundle;
    await writeFile(join(folder, "node.pem"), node.root);
    const target = ["--url", node.api.url, "--token", node.admin, "--ca", "node.pem"];
    const fetched = await herd(...target, "--save", "kept.json", "--json");
    assert.equal(fetched.code, 1);
    assert.match(JSON.parse(fetched.out).problems[0], /another root/);
    const kept = JSON.parse(await readFile(join(folder, "kept.json"), "utf8")) as AuditBundle;
    assert.deepEqual(kept.heads, [...bundle.heads, "a head"]);
  } finally {
    await node.stop();
  }
});
