// The package as a user gets it: its tarball, installed by npm in an empty folder, starts a node, deploys and calls.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type ReadyLine, readyLine } from "../../src/api/ready.js";
import { packageRoot } from "../../src/core/package-root.js";

interface PackageScript {
  layOutPackage(options: { folder: string; destination: string }): void;
}

let folder: string;
let node: ChildProcess | undefined;

/** Runs a command in the empty folder; resolves to what it printed. Throws when it fails. */
async function run(command: string, ...args: string[]): Promise<string> {
  const child = start(command, args);
  let out = "";
  let err = "";
  child.stdout?.on("data", (chunk) => (out += chunk));
  child.stderr?.on("data", (chunk) => (err += chunk));
  const [code] = (await once(child, "close")) as [number | null];
  assert.equal(code, 0, `${command} ${args.join(" ")}: ${err}`);
  return out;
}

function start(command: string, args: readonly string[]): ChildProcess {
  const { NODE_ENV: _environment, ...env } = process.env;
  const windows = process.platform === "win32";
  return spawn(command, [...args], {
    cwd: join(folder, "empty"),
    env,
    shell: windows,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function readyOf(child: ChildProcess): Promise<ReadyLine> {
  let text = "";
  for await (const chunk of child.stdout ?? []) {
    text += chunk;
    if (text.includes("\n")) break;
  }
  return readyLine.parse(JSON.parse(text.split("\n")[0] ?? ""));
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "herd-pack-"));
  await mkdir(join(folder, "empty"));
});

after(async () => {
  node?.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

test("npm installs the tarball from the registry alone, without git", async (t) => {
  const script = (await import(new URL("scripts/package.mjs", packageRoot()).href)) as unknown as PackageScript;
  script.layOutPackage({ folder: fileURLToPath(packageRoot()), destination: join(folder, "package") });
  await run("npm", "pack", "--silent", "../package", "--pack-destination", "..");
  const { version } = JSON.parse(await readFile(new URL("package.json", packageRoot()), "utf8"));
  const tarball = `wasmherd-${version}.tgz`;
  const { size } = await stat(join(folder, tarball));
  assert.ok(size < 4 * 1024 * 1024, `the tarball has ${size} bytes`);
  const began = performance.now();
  const quiet = ["--no-audit", "--no-fund", "--ignore-scripts"];
  // No command of this name exists: npm fails as soon as it wants git.
  await run("npm", "install", ...quiet, "--git=no-such-git", `../${tarball}`);
  t.diagnostic(`${size} bytes, installed in ${Math.round(performance.now() - began)} ms`);
  const lock = await readFile(join(folder, "empty/package-lock.json"), "utf8");
  assert.doesNotMatch(lock, /"resolved": "git/);
});

test("the binaries of every supported platform and Node are installed", () => {
  for (const platform of ["linux_x64", "linux_arm64", "darwin_x64", "darwin_arm64", "win32_x64"])
    for (const modules of ["115", "127", "137"]) {
      const path = `empty/node_modules/uWebSockets.js/uws_${platform}_${modules}.node`;
      assert.ok(existsSync(join(folder, path)), path);
    }
});

test("npx herd --version prints the version of the package", async () => {
  const { version } = JSON.parse(await readFile(new URL("package.json", packageRoot()), "utf8"));
  assert.equal(await run("npx", "herd", "--version"), `${version}\n`);
});

test("the installed command starts a node, deploys to it and calls a function", async () => {
  await writeFile(
    join(folder, "empty/shop.ts"),
    "export function total(price: i32, count: i32): i32 { return price * count; }\n",
  );
  await writeFile(join(folder, "empty/node.json"), JSON.stringify({ limits: { compileTimeoutMs: 120_000 } }));
  node = start(process.execPath, [
    ...["node_modules/wasmherd/dist/bundle/herd.js", "up", "--port", "0", "--json"],
    ...["--name", "packed", "--config", "node.json", "--functions", "node_modules/wasmherd/functions"],
  ]);
  assert.equal((await readyOf(node)).node, "packed");
  assert.match(await run("npx", "herd", "deploy", "shop.ts"), /total\(price: integer, count: integer\): integer/);
  assert.equal(await run("npx", "herd", "invoke", "shop/total", "[350,3]"), "1050\n");
  assert.match(await run("npx", "herd", "app", "list"), /^hello\b/m);
  node.kill("SIGTERM");
  const [code] = (await once(node, "exit")) as [number | null];
  if (process.platform !== "win32") assert.equal(code, 0);
});

test("a program imports the node from the package", async () => {
  const program = 'import { HerdNode } from "wasmherd"; console.log(typeof HerdNode);';
  await writeFile(join(folder, "empty/program.mjs"), program);
  assert.equal(await run(process.execPath, "program.mjs"), "function\n");
});
