// The herd command as users and scripts run it: a process, its output and its exit code.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { deployApp, showApp } from "../../src/api/apps.js";
import { showMesh } from "../../src/api/mesh.js";
import { listNodes, nodeList, nodeTree, resumeNode } from "../../src/api/nodes.js";
import { changePolicy, showPolicy } from "../../src/api/policy.js";
import { problem } from "../../src/api/problem-document.js";
import { type ReadyLine, readyLine } from "../../src/api/ready.js";
import { type AnswerJson, narrowed, type Route } from "../../src/api/route.js";
import { createToken } from "../../src/api/tokens.js";
import { packageRoot } from "../../src/core/package-root.js";
import { herdCommand } from "../../src/testing/herd-command.js";
import { parsedAnswer } from "../contract.js";

interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

let folder: string;
let node: ChildProcess;
let ready: ReadyLine;

function start(args: readonly string[]): ChildProcess {
  const env = { ...process.env, HERD_STATE: join(folder, "state") };
  return spawn(process.execPath, [herdCommand, ...args], { cwd: folder, env, stdio: ["pipe", "pipe", "pipe"] });
}

async function herd(...args: string[]): Promise<Run> {
  const child = start(args);
  child.stdin?.end();
  let out = "";
  let err = "";
  child.stdout?.on("data", (chunk) => (out += chunk));
  child.stderr?.on("data", (chunk) => (err += chunk));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, out, err };
}

/** The JSON value of a command that prints an answer of a route. */
async function answerOf<R extends Route>(route: R, ...args: string[]): Promise<AnswerJson<R>> {
  const { code, out, err } = await herd(...args, "--json");
  assert.equal(code, 0, err);
  return parsedAnswer(route, out);
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = "";
  for await (const chunk of child.stdout ?? []) {
    text += chunk;
    if (text.includes("\n")) break;
  }
  return text.split("\n")[0] ?? "";
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "herd-cli-"));
  await writeFile(
    join(folder, "math.ts"),
    "/** Adds. */\nexport function add(a: i32, b: i32 = 1): i32 { return a + b; }\nexport function none(): void {}\n",
  );
  await writeFile(join(folder, "bad.ts"), 'export function f(a: i32): i32 {\n\treturn a + "x";\n}\n');
  // A busy machine compiles slowly.
  const config = join(folder, "node.json");
  await writeFile(config, JSON.stringify({ limits: { compileTimeoutMs: 120_000 } }));
  node = start(["up", "--port", "0", "--json", "--name", "cli-test", "--config", config]);
  ready = readyLine.strict().parse(JSON.parse(await firstLine(node)));
});

after(async () => {
  if (node.exitCode === null) {
    node.kill("SIGTERM");
    const [code] = (await once(node, "exit")) as [number | null];
    assert.equal(code, 0, "a node that is told to stop exits with 0");
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

test("up --json prints the ready line of the contract", () => {
  assert.ok(ready.token !== undefined, "it founded the mesh");
  assert.match(ready.url, /^https:\/\/localhost:\d+$/);
  assert.equal(ready.node, "cli-test");
});

test("--version and -V print the package's version", async () => {
  const { version } = JSON.parse(await readFile(new URL("package.json", packageRoot()), "utf8"));
  for (const option of ["--version", "-V"])
    assert.deepEqual(await herd(option), { code: 0, out: `${version}\n`, err: "" });
  const json = { version, node: process.versions.node, platform: process.platform, arch: process.arch };
  for (const args of [
    ["--version", "--json"],
    ["--json", "-V"],
  ])
    assert.deepEqual(JSON.parse((await herd(...args)).out), json);
});

test("deploy prints functions and endpoints, and JSON on demand", async () => {
  const human = await herd("deploy", "math.ts");
  assert.equal(human.code, 0, human.err);
  assert.match(
    human.out,
    /^math, revision [0-9a-f]{12}\n {2}add\(a: integer, b\?: integer\): integer +https:\/\/localhost/,
  );
  const json = await answerOf(deployApp, "deploy", "math.ts", "--name", "other");
  assert.equal(json.app, "other");
  assert.deepEqual(json.nodes, ["cli-test"]);
  assert.match(human.out, /\nnodes cli-test\n$/);
  assert.equal(json.functions[0]?.url, `${ready.url}/fn/other/add`);
});

test("compile errors show file, line, column, the source line and a caret", async () => {
  const { code, out, err } = await herd("deploy", "bad.ts");
  assert.equal(code, 1);
  assert.equal(out, "");
  assert.match(err, /^bad\.ts:2:9 .*\n {2}\treturn a \+ "x";\n {2}\t {7}\^\nherd: source\.invalid: 1 error\n$/);
  const json = problem.parse(JSON.parse((await herd("deploy", "bad.ts", "--json")).out));
  assert.equal(json.code, "source.invalid");
  assert.equal(json.diagnostics?.length, 1);
});

test("invoke prints the result, nothing for void, and problems with their code", async () => {
  await herd("deploy", "math.ts");
  assert.deepEqual(await herd("invoke", "math/add", '{"a":1,"b":2}'), { code: 0, out: "3\n", err: "" });
  assert.equal((await herd("invoke", "math/add", "[41]")).out, "42\n");
  assert.equal((await herd("invoke", "math/none")).out, "");
  assert.equal((await herd("invoke", "math/none", "--json")).out, "null\n");
  const info = JSON.parse((await herd("invoke", "math/add", "[1]", "--node-info", "--json")).out);
  assert.deepEqual([info.result, info.node, info.hops], [2, "cli-test", 0]);
  assert.match((await herd("invoke", "math/add", "[1]", "--node-info")).err, /^node cli-test, hops 0, revision/);
  const wrong = await herd("invoke", "math/add", '{"a":"x"}');
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /^herd: arguments\.invalid: .* \(at \/a\)\n$/);
  const whole = await herd("invoke", "math/add", '"x"');
  assert.match(whole.err, /^herd: arguments\.invalid: [^\n]*[^) ]\n$/);
});

test("app list, show, rollback and remove", async () => {
  await herd("deploy", "math.ts", "--name", "gone");
  assert.match((await herd("app", "list")).out, /gone +[0-9a-f]{12} +private +add none/);
  const shown = await answerOf(showApp, "app", "show", "gone");
  assert.equal(shown.revisions.length, 1);
  const text = (await herd("app", "show", "gone")).out;
  assert.match(text, /^gone, revision [0-9a-f]{12}, private\nlimits 5 s, 64 MiB of memory, [^\n]*\nnodes cli-test\n/);
  assert.match((await herd("app", "rollback", "gone")).err, /revision\.unknown/);
  assert.equal((await herd("app", "remove", "gone")).code, 0);
  const removed = await herd("app", "show", "gone");
  assert.equal(removed.code, 1);
  assert.match(removed.err, /^herd: app\.unknown: /);
});

test("tokens are created, listed and revoked", async () => {
  const created = await answerOf(createToken, "token", "create", "--role", "invoke", "--ttl", "5m");
  assert.deepEqual([created.role, Date.parse(created.expires) - Date.parse(created.issued)], ["invoke", 300_000]);
  assert.match((await herd("token", "list")).out, new RegExp(created.id));
  await writeFile(join(folder, "token"), `${created.token}\n`);
  assert.equal((await herd("app", "list", "--token", "@token")).code, 0);
  assert.match((await herd("token", "list", "--token", created.token)).err, /auth\.forbidden/);
  assert.equal((await herd("token", "revoke", created.id)).code, 0);
  assert.match((await herd("app", "list", "--token", created.token)).err, /auth\.invalid/);
});

test("nodes are listed, drained and resumed; the mesh has a status", async () => {
  const [self] = await answerOf(narrowed(listNodes, nodeList), "node", "list");
  assert.ok(self, "no self");
  assert.deepEqual([self.name, self.state, self.master, self.revoked], ["cli-test", "alive", true, false]);
  assert.match(
    (await herd("node", "list")).out,
    /^NAME +STATE +MASTER +DEPLOYS[^\n]*\ncli-test +alive +yes +yes +(yes|no) +- +https:[^ ]+ +[0-9a-f]{32}\n/,
  );
  assert.equal((await herd("node", "drain", "cli-test")).err, "cli-test is draining\n");
  assert.equal((await answerOf(resumeNode, "node", "resume", self.id)).state, "alive");
  const tree = await answerOf(narrowed(listNodes, nodeTree), "node", "tree");
  assert.deepEqual([tree?.name, tree?.state, tree?.children], ["cli-test", "alive", []]);
  assert.match((await herd("node", "tree")).out, /^cli-test {2}alive, founded the mesh at /);
  const { here, ...mesh } = await answerOf(showMesh, "mesh", "status");
  assert.deepEqual(mesh, { node: "cli-test", peers: [], masters: ["cli-test"], revoked: [] });
  assert.equal(typeof here.owner, "string");
  const status = (await herd("mesh", "status")).out;
  assert.match(
    status,
    /^masters cli-test, revoked none\nNODE +STATE +OWNER [^\n]*\ncli-test +this node +[a-z]+ [^\n]*\n$/,
  );
  assert.match((await herd("node", "revoke", "ghost")).err, /^herd: node\.unknown: /);
  assert.match((await herd("node", "revoke", "cli-test")).err, /^herd: state\.conflict: /);
});

test("logs prints records, and follows until it is interrupted", async () => {
  await writeFile(join(folder, "talk.ts"), 'export function say(): void { console.log("a\\u001b[2Jb"); }\n');
  await herd("deploy", "talk.ts");
  const follower = start(["logs", "talk", "--follow"]);
  let out = "";
  follower.stdout?.on("data", (chunk) => (out += chunk));
  // It begins with what was there, and goes on with what comes.
  for (let lines = 1; lines <= 2; lines++) {
    await herd("invoke", "talk/say");
    for (let tries = 0; out.split("\\x1b").length - 1 < lines && tries < 1_500; tries++) await sleep(20);
    assert.equal(out.split("\\x1b").length - 1, lines, out);
  }
  assert.match(
    out,
    /talk\/say \[[0-9a-f]{12}-[0-9a-z]+\] a\\x1b\[2Jb\n/,
    "what a guest writes cannot drive the terminal",
  );
  follower.kill("SIGINT");
  const [code] = (await once(follower, "exit")) as [number | null];
  assert.equal(code, 0);
  assert.ok(JSON.parse((await herd("logs", "talk", "--json")).out).length >= 1, "no line of the log");
});

test("deploy --watch deploys at each change and goes on after errors", async () => {
  const path = join(folder, "watched.ts");
  await writeFile(path, "export function v(): i32 { return 1; }\n");
  const watcher = start(["deploy", "watched.ts", "--watch"]);
  let err = "";
  watcher.stderr?.on("data", (chunk) => (err += chunk));
  const told = async (text: RegExp) => {
    for (let tries = 0; !text.test(err) && tries < 1_500; tries++) await sleep(20);
    assert.match(err, text);
  };
  // Renamed into place, as editors do: a file that is being written may be seen, and told, while it is half there.
  const save = async (source: string) => {
    err = "";
    await writeFile(`${path}.new`, source);
    await rename(`${path}.new`, path);
  };
  await told(/watching/);
  await save("export function v(): i32 { return nothing; }\n");
  await told(/watched\.ts:1:\d+ .*nothing.*watching/s);
  await save("export function v(): i32 { return 2; }\n");
  await told(/watching/);
  watcher.kill("SIGINT");
  await once(watcher, "exit");
  assert.equal((await herd("invoke", "watched/v")).out, "2\n");
});

test("an owner pauses the node, sees that and its policy, and resumes it", async () => {
  const paused = await answerOf(changePolicy, "pause", "1h");
  assert.deepEqual([paused.state, paused.slots], ["paused", 0]);
  assert.ok(
    Math.abs(Date.parse(String(paused.pausedUntil)) - Date.now() - 3_600_000) < 600_000,
    String(paused.pausedUntil),
  );
  const [self] = await answerOf(narrowed(listNodes, nodeList), "node", "list");
  assert.equal(self?.state, "asleep");
  const refused = await herd("invoke", "math/add", "[1]");
  assert.equal(refused.code, 1);
  assert.match(refused.err, /node\.paused/);
  assert.match((await herd("node", "policy")).out, /^state +paused: until 20.*^activeShare +0\.25 /ms);
  assert.match((await herd("pause")).err, /^cli-test is paused; herd node resume cli-test ends it\n$/);
  assert.equal((await answerOf(resumeNode, "node", "resume", "cli-test")).state, "alive");
  assert.equal((await answerOf(showPolicy, "node", "policy")).pausedUntil, null);
  const { settings } = await answerOf(
    changePolicy,
    ...["node", "policy", "--set", "activeShare=0.5", "--set", "hours=18:00-08:00"],
  );
  assert.deepEqual([settings.activeShare, settings.hours], [0.5, "18:00-08:00"]);
  await answerOf(changePolicy, "node", "policy", "--set", "activeShare=null", "--set", "hours=null");
  const wrong = await herd("node", "policy", "--set", "activeShare=9");
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /request\.malformed: the body does not fit: activeShare: a number from 0 to 1/);
});

test("without a token, the owner's secret pauses the node of this machine, and allows nothing else", async () => {
  const { token: _, ...known } = JSON.parse(await readFile(join(folder, "state", "client.json"), "utf8"));
  const state = join(folder, "tokenless");
  await mkdir(state);
  const client = { ...known, ca: join(folder, "state", known.ca) };
  await writeFile(join(state, "client.json"), JSON.stringify(client));
  assert.match((await herd("pause", "1h", "--state", state)).err, /^cli-test is paused until 20/);
  assert.match((await herd("node", "policy", "--state", state)).out, /^state +paused/m);
  assert.equal((await herd("node", "resume", "cli-test", "--state", state)).err, "cli-test is alive\n");
  assert.match((await herd("node", "drain", "cli-test", "--state", state)).err, /auth\.missing/);
  // Nor does it leave the machine's node.
  assert.match((await herd("pause", "--state", state, "--url", "https://localhost:1")).err, /no answer from/);
});

test("wrong usage exits with 2 and one line", async () => {
  const wrong: [string[], RegExp][] = [
    [["invoke", "math"], /APP\/FUNCTION/],
    [["nonsense"], /unknown command/],
    [["app", "list", "--nonsense"], /unknown option/],
    [["token", "create"], /--role/],
    [["token", "create", "--role", "invoke", "--ttl", "soon"], /24h/],
    [["deploy", "nothing.ts"], /nothing at/],
    [["up", "--host", "0.0.0.0"], /--advertise/],
    [["up", "--port", "70000"], /^herd: --port: a whole number from 0 to 65535 is needed\n$/],
    [["up", "--port", "many"], /port: a whole number from 0 to 65535/],
    [["pause", "soon"], /24h/],
    [["node", "policy", "--set", "activeShare"], /SETTING=VALUE/],
    [["up", "--workers", "0"], /workers: a whole number from 1 to 1024/],
    [["app", "list", "--url", "http://localhost"], /https/],
    [["app", "list", "--state", join(folder, "empty")], /no node is known/],
  ];
  for (const [args, message] of wrong) {
    const { code, out, err } = await herd(...args);
    assert.equal(code, 2, args.join(" "));
    assert.match(err, message);
    assert.match(err, /^herd: [^\n]*\n/);
    assert.equal(out, "");
  }
  assert.equal((await herd("--help")).code, 0);
  for (const args of [["nonsense"], ["app"], ["app", "list", "--nonsense"], ["up", "--port", "many"]]) {
    const { code, out } = await herd(...args, "--json");
    const { code: name, detail } = JSON.parse(out);
    assert.deepEqual([code, name, typeof detail], [2, "usage.invalid", "string"], args.join(" "));
  }
});

test("a port in use, and a state folder in use, are errors of one line", async () => {
  const port = new URL(ready.url).port;
  const busy = await herd("up", "--port", port, "--state", join(folder, "second"));
  assert.notEqual(busy.code, 0);
  assert.match(busy.err, new RegExp(`^herd: port ${port} on 127\\.0\\.0\\.1 is in use: [^\\n]*\\n$`));
  const locked = await herd("up", "--port", "0");
  assert.notEqual(locked.code, 0);
  assert.equal(locked.err.trim().split("\n").length, 1);
});

test("without a token the error names how to get one, and a malformed join token is wrong usage", async () => {
  const target = ["--state", join(folder, "none"), "--url", ready.url, "--ca", ready.ca];
  const bare = await herd("app", "list", ...target);
  assert.equal(bare.code, 1);
  assert.match(bare.err, /^herd: auth\.missing: .*\n.*--token @FILE.*token create --role admin.*\n$/);
  const garbage = await herd("up", "--port", "0", "--state", join(folder, "third"), "--token", "garbage");
  assert.equal(garbage.code, 2);
  assert.match(garbage.err, /^herd: --token: this is no join token: [^\n]*\n$/);
});

test("an unreachable node is an error of one line, exit code 1", async () => {
  const nowhere = ["--url", "https://localhost:1", "--ca", ready.ca, "--token", "x"];
  const gone = await herd("app", "list", ...nowhere);
  assert.equal(gone.code, 1);
  assert.match(gone.err, /^herd: no answer from https:\/\/localhost:1: .*\n$/);
  const { out } = await herd("app", "list", "--json", ...nowhere);
  assert.equal(JSON.parse(out).code, "node.unreachable");
});
