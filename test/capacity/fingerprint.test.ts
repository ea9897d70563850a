// The fingerprint of all that a profile depends on.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { coresOfQuota, fingerprintOf } from "../../src/capacity/fingerprint.js";

test("a machine has the same fingerprint each time, and another with other workers or kernels", () => {
  const one = { workers: 2, kernelsDigest: "a" };
  assert.match(fingerprintOf(one), /^[0-9a-f]{32}$/);
  assert.equal(fingerprintOf(one), fingerprintOf({ ...one }));
  assert.notEqual(fingerprintOf(one), fingerprintOf({ ...one, workers: 3 }));
  assert.notEqual(fingerprintOf(one), fingerprintOf({ ...one, kernelsDigest: "b" }));
});

test("a quota is the least of all groups that the process is in", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "herd-quota-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const root = `${folder}/`;
  const write = (path: string, text: string): void => {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  assert.equal(coresOfQuota(root), undefined);
  write("proc/self/cgroup", "12:cpu:/old\n0::/outer/inner\n");
  assert.equal(coresOfQuota(root), undefined);
  write("sys/fs/cgroup/outer/inner/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/outer/cpu.max", "50000 100000\n");
  assert.equal(coresOfQuota(root), 0.5);
  write("sys/fs/cgroup/outer/inner/cpu.max", "20000 100000\n");
  assert.equal(coresOfQuota(root), 0.2);
  write("sys/fs/cgroup/outer/cpu.max", "nonsense");
  write("sys/fs/cgroup/outer/inner/cpu.max", "");
  assert.equal(coresOfQuota(root), undefined);
});
