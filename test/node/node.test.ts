// A whole node: deploys while calls run, restarts, hostile guests beside good ones, and an end without open handles.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { rollbackApp, showApp } from "../../src/api/apps.js";
import { readLogs } from "../../src/api/logs.js";
import { ProblemError } from "../../src/client/errors.js";
import { callText, deployText, type RealNode, startNode } from "../harness/tls/real-node.js";

let running: RealNode;

before(async () => {
  running = await startNode({ limits: { deadlineMs: 1_000 } });
});

after(() => running.stop());

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "ok",
    (error: unknown) => (error instanceof ProblemError ? error.document.code : String(error)),
  );
}

test("an app is deployed, called, called wrongly and shown", async () => {
  const { client } = running;
  await deployText(client, "calc", "export function add(a: i32, b: i32): i32 { return a + b; }");
  assert.equal(await callText(client, "calc/add", '{"a":2,"b":40}'), "42");
  assert.equal((await client.send("/fn/calc/add?a=1&b=2")).text, "3");
  assert.equal(await codeOf(callText(client, "calc/add", '{"a":2}')), "arguments.invalid");
  assert.equal(await codeOf(callText(client, "calc/add", "{")), "request.malformed");
  assert.equal(await codeOf(callText(client, "calc/sub", "{}")), "function.unknown");
  const { json: app } = await client.call(showApp, { parameters: { app: "calc" } });
  assert.deepEqual(
    app.functions.map(({ name }) => name),
    ["add"],
  );
});

test("guest logs carry their app, and refusals their diagnostics", async () => {
  const { client } = running;
  await deployText(client, "talks", 'export function talk(): void { console.log("said this"); }');
  await client.send("/fn/talks/talk", { method: "POST" });
  const { json: records } = await client.call(readLogs, { query: { app: "talks" } });
  assert.ok(
    records.some(({ message, app }) => message === "said this" && app === "talks"),
    JSON.stringify(records),
  );
  const refused = await deployText(client, "bad", 'export function f(): i32 { return "x"; }').catch((error) => error);
  assert.ok(refused instanceof ProblemError, String(refused));
  assert.equal(refused.document.code, "source.invalid");
  assert.equal(refused.document.diagnostics?.[0]?.line, 1);
});

test("a guest that spins ends at its deadline and traps say where", async () => {
  const { client } = running;
  await deployText(
    client,
    "hostile",
    'export function spin(): void { while (true) {} }\nexport function fail(): void { throw new Error("on purpose"); }',
  );
  assert.equal(await codeOf(client.send("/fn/hostile/spin", { method: "POST" })), "function.deadline");
  const trap = await client.send("/fn/hostile/fail", { method: "POST" }).catch((error) => error);
  assert.ok(trap instanceof ProblemError, String(trap));
  assert.equal(trap.document.code, "function.trapped");
  assert.equal(trap.document.detail, "on purpose");
});

test("200 changes of revision while calls run, 20 of them through the compiler: no call fails", async () => {
  const { client } = running;
  const source = (value: number) => `export function value(): i32 { return ${value}; }`;
  // Four sources take turns: the point is the switch, not the compiler.
  for (let index = 0; index < 4; index++) await deployText(client, "switch", source(index));
  let deploying = true;
  let calls = 0;
  const caller = async () => {
    while (deploying) {
      assert.match(await callText(client, "switch/value", "{}"), /^[0-3]$/);
      calls++;
      await sleep(5);
    }
  };
  const callers = [caller(), caller(), caller()];
  const revisions: string[] = [];
  const parameters = { app: "switch" };
  const { revisions: known } = (await client.call(showApp, { parameters })).json;
  for (let index = 0; index < 200; index++) {
    const body = { revision: known[index % known.length]?.revision };
    // Every tenth goes the whole way through the compiler.
    if (index % 10 === 0) revisions.push((await deployText(client, "switch", source(index % 4))).revision);
    else await client.call(rollbackApp, { parameters, body });
  }
  deploying = false;
  await Promise.all(callers);
  assert.equal(new Set(revisions).size, 2);
  assert.ok(calls > 50, `${calls} calls`);
});

test("a restart keeps name, identity, tokens and apps", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "herd-restart-"));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const first = await startNode({}, folder);
  await deployText(first.client, "kept", "export function answer(): i32 { return 42; }").finally(first.stop);
  const second = await startNode({ name: "other" }, folder);
  try {
    assert.equal(second.ready.node, "test");
    assert.equal(second.ready.mesh, first.ready.mesh);
    assert.equal(second.ready.token, first.ready.token);
    assert.equal(second.ready.foundingToken, undefined);
    assert.equal(await callText(second.client, "kept/answer", "{}"), "42");
  } finally {
    await second.stop();
  }
});

test("after stop nothing keeps the process alive", async () => {
  const script = `
    const { startNode } = await import(${JSON.stringify(new URL("../harness/tls/real-node.js", import.meta.url).href)});
    const running = await startNode({ ephemeral: true });
    await running.client.send("/healthz");
    await running.stop();
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    cwd: fileURLToPath(new URL(".", import.meta.url)),
  });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
  const code = await new Promise((resolve) => child.once("close", resolve));
  clearTimeout(timer);
  assert.equal(code, 0, output);
  assert.equal(output.trim(), "");
});
