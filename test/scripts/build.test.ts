// The build of the bootstrap: what changed is compiled, what did not costs nothing, what is gone leaves no output.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../../src/core/package-root.js";

const root = fileURLToPath(packageRoot());

/** What the bundle is made of beside the command. */
const otherEntries = [
  "src/node/node.ts",
  "src/server/views/audit-check-thread.ts",
  "runtime/sandbox/thread/worker.ts",
  "runtime/sandbox/prepare/prepare-thread.ts",
  "runtime/compile/process/child-main.ts",
  "runtime/compile/process/limit-watch.ts",
];

function tree(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "herd-build-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  for (const name of ["scripts", "tsconfig.json", "package.json", "package-lock.json"]) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  // A junction, since Windows lets everyone make one.
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  mkdirSync(join(folder, "src/cli"), { recursive: true });
  writeFileSync(join(folder, "src/one.ts"), "export const one: number = 1;\n");
  cpSync(join(root, "src/cli/bundled-main.ts"), join(folder, "src/cli/bundled-main.ts"));
  for (const path of otherEntries) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), "export {};\n");
  }
  writeFileSync(
    join(folder, "src/cli/main.ts"),
    "console.log(JSON.stringify(process.argv.slice(2)));\nprocess.exitCode = 7;\n",
  );
  return folder;
}

function bootstrap(folder: string, args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["scripts/bootstrap.mjs", ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  return { status, stdout, stderr, built: stderr.includes("Building") };
}

test("the command runs from where it is, and from where it was in 0.1: npx keeps a link to that", () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  for (const path of ["dist/bundle/herd.js", "dist/src/cli/main.js"]) {
    assert.match(readFileSync(join(root, path), "utf8"), /^#!\/usr\/bin\/env node\n/, path);
    const { status, stdout } = spawnSync(process.execPath, [join(root, path), "--version"], { encoding: "utf8" });
    assert.deepEqual([status, stdout], [0, `${version}\n`], path);
  }
});

test("an unchanged tree is built once; a change, a lost output and a removed source are seen", (t) => {
  const folder = tree(t);
  const output = join(folder, "dist/src/one.js");
  assert.deepEqual([bootstrap(folder, ["build"]).built, bootstrap(folder, ["build"]).built], [true, false]);
  for (const path of process.platform === "win32" ? [] : ["dist/bundle/herd.js", "dist/src/cli/main.js"])
    assert.ok(statSync(join(folder, path)).mode & 0o100, `${path} is not executable`);

  writeFileSync(join(folder, "src/two.ts"), 'export * from "./one.js";\n');
  assert.equal(bootstrap(folder, ["build"]).built, true);
  assert.ok(existsSync(join(folder, "dist/src/two.js")), "two.js is missing");

  rmSync(output);
  assert.equal(bootstrap(folder, ["build"]).built, true);
  assert.ok(existsSync(output), `${output} is missing`);

  rmSync(join(folder, "src/two.ts"));
  assert.equal(bootstrap(folder, ["build"]).built, true);
  assert.ok(!existsSync(join(folder, "dist/src/two.js")), "two.js is still there");
  assert.equal(bootstrap(folder, ["build"]).built, false);
});

test("the command refuses to run where the compiler ran by hand since; the build mends that", (t) => {
  const folder = tree(t);
  assert.equal(bootstrap(folder, ["build"]).status, 0);
  const herd = (): string =>
    spawnSync(process.execPath, ["dist/bundle/herd.js"], { cwd: folder, encoding: "utf8" }).stderr;
  assert.equal(herd(), "");
  writeFileSync(join(folder, "src/cli/main.ts"), "process.stderr.write('newer');\n");
  const compiler = [join(root, "node_modules/typescript/bin/tsc"), "--build"];
  assert.equal(spawnSync(process.execPath, compiler, { cwd: folder }).status, 0);
  assert.match(herd(), /^herd: dist\/bundle is older than what the compiler wrote/);
  assert.equal(bootstrap(folder, ["build"]).status, 0);
  assert.equal(herd(), "newer");
});

test("an error of a type fails the build each time, until it is mended", (t) => {
  const folder = tree(t);
  writeFileSync(join(folder, "src/one.ts"), 'export const one: number = "1";\n');
  for (let attempt = 0; attempt < 2; attempt++) {
    const failed = bootstrap(folder, ["build"]);
    assert.notEqual(failed.status, 0);
    assert.match(failed.stderr, /src\/one\.ts\(1,14\): error TS2322/);
  }
  writeFileSync(join(folder, "src/one.ts"), "export const one: number = 2;\n");
  assert.equal(bootstrap(folder, ["build"]).status, 0);
});

test("start runs the command line here: its output alone on stdout, arguments passed on, exit code its own", (t) => {
  const folder = tree(t);
  const { status, stdout } = bootstrap(folder, ["start", "--json", "--port", "0"]);
  assert.equal(status, 7);
  const args = JSON.parse(stdout) as string[];
  assert.deepEqual(args.slice(0, 2), ["up", "--functions"]);
  assert.match(args[2] ?? "", /functions$/);
  // The port's default stands in the configuration alone.
  assert.deepEqual(args.slice(3), ["--json", "--port", "0"]);
});

test("a target that does not exist is a usage error", (t) => {
  assert.equal(bootstrap(tree(t), ["strat"]).status, 2);
});
