// `herd bench`, as users run it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { kernels } from "../../src/capacity/capacity.js";
import { readProfile } from "../../src/capacity/profile.js";
import { herdCommand } from "../../src/testing/herd-command.js";
import { buildKernels } from "../capacity/built-kernels.js";

before(buildKernels);

function herd(args: readonly string[], cwd: string): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [herdCommand, ...args], { cwd }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

test("bench capacity needs no node, prints one value, and leaves a file and a picture", {
  timeout: 120_000,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "herd-bench-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const { code, out, err } = await herd(["bench", "capacity", "--seconds", "1", "--workers", "2", "--json"], folder);
  assert.equal(code, 0, err);
  const report = JSON.parse(out) as { question: string; machine: { cores: number }; profile: unknown };
  assert.deepEqual(JSON.parse(await readFile(join(folder, "capacity.json"), "utf8")), report);
  const profile = readProfile(JSON.stringify(report.profile));
  assert.equal(profile?.workers, 2);
  assert.ok(report.machine.cores >= 1 && report.question.endsWith("?"), JSON.stringify(report.machine));
  const picture = await readFile(join(folder, "capacity.svg"), "utf8");
  for (const kernel of kernels) assert.ok(picture.includes(kernel), kernel);
  assert.ok(err.includes(join(folder, "capacity.json")), err);
});

test("wrong usage of bench exits with 2", async () => {
  for (const args of [["capacity", "--seconds", "0"], ["capacity", "--workers", "many"], ["capacities"]]) {
    const { code, out } = await herd(["bench", ...args], tmpdir());
    assert.deepEqual([code, out], [2, ""], args.join(" "));
  }
});
