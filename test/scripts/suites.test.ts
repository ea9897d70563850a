// `npm test` runs each suite once. Of suites that measure, one that fails is tried again; one that fails twice, and
// many that fail, fail the run.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { packageRoot } from "../../src/core/package-root.js";

const passes = 'test("passes", () => {});';
const fails = 'test("fails", () => { throw new Error("always"); });';
/** Fails in the first process that runs it. */
const failsOnce = `
  const isFirst = !existsSync(process.argv[1] + ".ran");
  writeFileSync(process.argv[1] + ".ran", "");
  describe("group", () => test("unsteady", () => { if (isFirst) throw new Error("by chance"); }));`;
const endsBadlyOnce = failsOnce.replace('throw new Error("by chance")', "process.exit(3)");
/**
 * Passes, though a process that it starts meets a rejection that nothing handles, and one that it would have outlived.
 */
const faultInChild = `
  test("passes", async () => {
    const { spawnSync } = await import("node:child_process");
    spawnSync(process.execPath, ["-e", 'Promise.reject(new Error("lost"))']);
    const met = 'process.on("uncaughtException", () => {}); setImmediate(() => { throw new Error("met"); })';
    spawnSync(process.execPath, ["-e", met]);
  });`;
/** A failure that is expected is none. */
const todo = 'test("to do", { todo: true }, () => { throw new Error("not yet"); });';

/** Runs suites with these bodies by a function of scripts/suites.mjs; its exit code, and what it printed. */
function runSuites(
  t: TestContext,
  bodies: Readonly<Record<string, string>>,
  { by = "runTwice" }: { readonly by?: "runTwice" | "runTests" } = {},
): { code: number; out: string } {
  const folder = mkdtempSync(join(tmpdir(), "herd-steady-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  cpSync(new URL("scripts", packageRoot()), join(folder, "scripts"), { recursive: true });
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  mkdirSync(join(folder, "dist/test"), { recursive: true });
  for (const [name, body] of Object.entries(bodies)) {
    const imports = 'import { existsSync, writeFileSync } from "node:fs"; import { describe, test } from "node:test";';
    writeFileSync(join(folder, `dist/test/${name}.test.js`), `${imports}\n${body}\n`);
  }
  const suites = JSON.stringify(Object.keys(bodies).map((name) => `test/${name}.test.ts`));
  writeFileSync(
    join(folder, "scripts/start.mjs"),
    `import { ${by} } from "./suites.mjs"; process.exitCode = await ${by}(${suites}, { folder: process.cwd() });`,
  );
  // Without its mark of a test's child, so that the runner within does run.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout } = spawnSync(process.execPath, ["scripts/start.mjs"], { cwd: folder, env, encoding: "utf8" });
  return { code: status ?? -1, out: stdout };
}

test("suites that pass are run once, and nothing is said of second tries", (t) => {
  const { code, out } = runSuites(t, { a: passes, b: todo, c: passes });
  assert.equal(code, 0, out);
  assert.doesNotMatch(out, /unsteady|once more/);
});

test("a suite that fails once is named as unsteady, however it failed, and the run passes", (t) => {
  const { code, out } = runSuites(t, { a: failsOnce, b: passes, c: endsBadlyOnce, d: failsOnce });
  assert.equal(code, 0, out);
  for (const name of ["a", "c", "d"]) {
    assert.match(out, new RegExp(`^unsteady: test/${name}\\.test\\.ts failed first and passed then$`, "m"));
  }
  assert.doesNotMatch(out, /unsteady: test\/b|failed twice/);
});

test("a suite that fails twice fails the run, beside one that passed then", (t) => {
  const { code, out } = runSuites(t, { a: fails, b: failsOnce });
  assert.notEqual(code, 0);
  assert.match(out, /^failed twice: test\/a\.test\.ts$/m);
  assert.match(out, /^unsteady: test\/b\.test\.ts/m);
});

test("a suite that passes fails the run when a process that it started met a fault", (t) => {
  const { code, out } = runSuites(t, { a: passes, b: faultInChild });
  assert.equal(code, 1, out);
  assert.match(out, /Nothing handled these[\s\S]*unhandledRejection: Error: lost[\s\S]*uncaughtException: Error: met/);
});

test("when more than three fail, nothing is tried again", (t) => {
  const { code, out } = runSuites(t, { a: failsOnce, b: failsOnce, c: failsOnce, d: failsOnce, e: passes });
  assert.notEqual(code, 0);
  assert.doesNotMatch(out, /unsteady:|once more/);
});

test("by npm test, a suite that fails once fails the run: nothing is tried again", (t) => {
  const { code, out } = runSuites(t, { a: failsOnce, b: passes }, { by: "runTests" });
  assert.notEqual(code, 0);
  assert.doesNotMatch(out, /unsteady:|once more/);
});

test("npm test gives no second try", () => {
  const targets = readFileSync(new URL("scripts/targets.mjs", packageRoot()), "utf8");
  const body = /\nasync function test\(args\) \{\n([\s\S]*?)\n\}\n/.exec(targets)?.[1] ?? "";
  assert.match(body, /runTests\(together/);
  assert.doesNotMatch(body, /runTwice/);
});
