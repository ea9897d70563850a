// The wall around one node of compose.yaml: what a container may not do, and hostile guests that find it standing.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../../src/client/client.js";
import { ProblemError } from "../../src/client/errors.js";
import { readText } from "../source-tree.js";
import type { Container } from "./container.js";
import { docker } from "./docker.js";
import { Stack } from "./stack.js";

let stack: Stack;
let node: Container;
let client: Client;
let admin: { readonly token: string; readonly ca: string };

before(async () => {
  stack = await Stack.of("compose.yaml");
  node = await stack.start("node");
  await node.ready();
  const token = (await node.exec(["herd", "token", "create", "--role", "admin"])).trim();
  admin = { token, ca: await node.ca() };
  client = await node.client(admin);
  for (const app of ["spin", "exhaust", "log-flood", "fail"]) {
    const body = readText(`test/fixtures/guests/${app}.ts`);
    await client.send(`/v1/apps/${app}`, {
      method: "PUT",
      body,
      headers: { "content-type": "application/typescript" },
    });
  }
});

after(() => stack?.remove());

/** What became of a call: its result as JSON text, or the code of its problem. */
async function call(path: string, args: readonly unknown[] = []): Promise<string> {
  try {
    const headers = { "content-type": "application/json" };
    return (await client.send(`/fn/${path}`, { method: "POST", body: JSON.stringify(args), headers })).text;
  } catch (error) {
    if (error instanceof ProblemError) return error.document.code;
    throw error;
  }
}

/** The container did not start anew, the kernel took nothing of it, and it answers. */
async function assertAlive(): Promise<void> {
  const { State, RestartCount } = await node.state();
  assert.deepEqual(
    { running: State.Running, killed: State.OOMKilled, restarts: RestartCount },
    { running: true, killed: false, restarts: 0 },
  );
  assert.equal(await call("spin/add", [1, 2]), "3");
}

test("the root file system refuses writes; the state and the temporary folder alone take them", async () => {
  const folders = [
    "/",
    "/app",
    "/app/dist",
    "/etc",
    "/usr/local/bin",
    "/var",
    "/root",
    "/home",
    "/dev",
    "/proc",
    "/sys",
  ];
  const attempt = `console.log(JSON.stringify(${JSON.stringify([...folders, "/tmp", "/var/lib/herd"])}.map((folder) => {
    try { const fs = require("fs"); fs.writeFileSync(folder + "/attempt", ""); fs.rmSync(folder + "/attempt");
      return folder }
    catch { return "refused" } })))`;
  const expected = [...folders.map(() => "refused"), "/tmp", "/var/lib/herd"];
  assert.deepEqual(await node.evaluate<string[]>(attempt), expected);
  // Whoever writes to a temporary folder may not run what he wrote.
  const run = `require("fs").writeFileSync("/tmp/run", "#!/bin/sh\\n", { mode: 0o755 });
    console.log(JSON.stringify(require("child_process").spawnSync("/tmp/run").error?.code ?? "ran"))`;
  assert.equal(await node.evaluate<string>(run), "EACCES");
});

test("every process inside has no root, no capability, no new privileges, and a seccomp filter", async () => {
  const read = `console.log(JSON.stringify(require("fs").readdirSync("/proc").filter(Number)
    .map((pid) => require("fs").readFileSync("/proc/" + pid + "/status", "utf8"))))`;
  const processes = await node.evaluate<string[]>(read);
  assert.ok(processes.length >= 2, "an init and a node");
  for (const status of processes) {
    const value = (name: string): string => RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1] ?? "";
    assert.match(value("Uid"), /^10001\s+10001\s+10001\s+10001$/);
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) assert.match(value(set), /^0+$/, set);
    assert.equal(value("NoNewPrivs"), "1");
    assert.equal(value("Seccomp"), "2");
  }
});

test("guests that spin, overflow the stack, take all memory, flood the log or the result end alone", async () => {
  const hostile = [
    ["spin/forever", [], "function.deadline"],
    ["exhaust/recurse", [], "function.trapped"],
    ["exhaust/allocate", [], "function.out-of-memory"],
    ["exhaust/repeated", [100_000, 1_000], "function.result-too-large"],
    ["log-flood/lines", [1_000_000], ""],
    ["fail/outOfBounds", [], "function.trapped"],
  ] as const;
  for (const [path, args, outcome] of hostile) {
    assert.equal(await call(path, args), outcome, path);
    await assertAlive();
  }
});

test("all of them at once, again and again, leave the container alive and within its limits", async (t) => {
  const paths = ["spin/forever", "exhaust/recurse", "exhaust/allocate", "fail/nothing", "exhaust/allocate"];
  const rounds = Array.from({ length: 8 }, () => paths.map((path) => call(path)));
  const outcomes = new Set(await Promise.all(rounds.flat()));
  for (const outcome of outcomes) assert.match(outcome, /^(function\.|node\.overloaded)/);
  await assertAlive();
  const peak = `console.log(["memory/memory.max_usage_in_bytes", "memory.peak"].map((file) => {
    try { return require("fs").readFileSync("/sys/fs/cgroup/" + file, "utf8").trim() } catch { return "" }
  }).join(""))`;
  const peakBytes = Number(await node.exec(["node", "--eval", peak]));
  t.diagnostic(`at most ${Math.round(peakBytes / 2 ** 20)} MiB were in use, page cache included`);
});

test("a node that hangs is ended by its health check, and the engine starts it again with its state", async () => {
  await node.untilHealth("healthy");
  const pids = await docker(["top", node.name, "-eo", "pid,args"]);
  const pid = Number(/^\s*([0-9]+)\s+node \/app\/dist/m.exec(pids)?.[1]);
  const { StartedAt } = (await node.state()).State;
  process.kill(pid, "SIGSTOP");
  await node.ready({ not: StartedAt });
  assert.equal((await node.state()).RestartCount, 1);
  // The free port that stands for the published one is another now.
  client = await node.client(admin);
  assert.equal(await call("spin/add", [1, 2]), "3");
});

test("a stop drains the node, which ends by itself", async () => {
  const underWay = call("spin/spinFor", [1_000]);
  await sleep(200);
  await docker(["stop", node.name]);
  assert.ok(Number(await underWay) > 0, "the call under way was answered");
  const { State } = await node.state();
  assert.equal(State.ExitCode, 0);
});
