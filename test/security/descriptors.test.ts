// A process that is out of file descriptors, or would be: it lives, goes on with what it has, and is whole again
// afterwards.

import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as tlsConnect } from "node:tls";
import type { ReadyLine } from "../../src/api/ready.js";
import { readyOf, startChild } from "./child-node.js";

const limit = 256;
/** There is neither such a limit nor a shell for it on Windows. */
const skip = process.platform === "win32";
const spins = "export function spin(): void { while (true) {} }\nexport function one(): i32 { return 1; }";

interface Node {
  readonly child: ChildProcess;
  readonly ready: ReadyLine;
  readonly log: () => string;
  readonly ca: string;
}

/** A node that may have few descriptors. */
async function frugal(t: TestContext, preload = ""): Promise<Node> {
  const child = startChild(t, {
    flags: ["--workers", "1"],
    // A busy machine compiles slowly.
    config: { limits: { compileTimeoutMs: 120_000 }, profile: false, warmCompiler: false },
    preload,
    runBy: ["sh", "-c", `ulimit -n ${limit}; exec "$@"`, "sh"],
  });
  let log = "";
  child.stderr.on("data", (chunk) => (log += chunk));
  const ready = await readyOf(child);
  return { child, ready, log: () => log, ca: readFileSync(ready.ca, "utf8") };
}

/** One request; the status of its answer, and its text. */
function ask(
  { ready, ca }: Node,
  { path, method = "GET", body, agent }: { path: string; method?: string; body?: string; agent?: Agent },
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${ready.token}`, "content-type": "text/plain" };
    const options = { method, headers, ca, agent: agent ?? false, timeout: 60_000 };
    const outgoing = request(`${ready.url}${path}`, options, (answer) => {
      let text = "";
      answer.on("data", (chunk) => (text += chunk));
      answer.once("end", () => resolve({ status: answer.statusCode ?? 0, text }));
      answer.once("error", reject);
    });
    outgoing.once("error", reject);
    outgoing.end(body);
  });
}

const deploy = (node: Node, agent?: Agent) =>
  ask(node, { path: "/v1/apps/one", method: "PUT", body: spins, ...(agent === undefined ? {} : { agent }) });

/** Opens connections without end, and again when they are closed, until the function that is returned is called. */
function flood(count: number, start: () => Socket): () => void {
  let isOver = false;
  const sockets = new Set<Socket>();
  const open = (): void => {
    if (isOver) return;
    const socket = start();
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      sockets.delete(socket);
      setTimeout(open, 100);
    });
  };
  for (let index = 0; index < count; index++) open();
  return () => {
    isOver = true;
    for (const socket of sockets) socket.destroy();
  };
}

type Flood = readonly [what: string, start: (node: Node) => Socket];

const floods: readonly Flood[] = [
  ["bare connections to the public port", ({ ready }) => connect(portOf(ready.url), "127.0.0.1")],
  [
    "TLS connections to the public port",
    ({ ready, ca }) => tlsConnect({ port: portOf(ready.url), host: "127.0.0.1", servername: "localhost", ca }),
  ],
  ["bare connections to the peer port", ({ ready }) => connect(portOf(`https://${ready.peer}`), "127.0.0.1")],
  [
    "TLS connections to the peer port",
    ({ ready }) => tlsConnect({ port: portOf(`https://${ready.peer}`), host: "127.0.0.1", rejectUnauthorized: false }),
  ],
];

test(`floods of ${limit + 60} connections, with ${limit} descriptors`, { skip }, async (t) => {
  const node = await frugal(t);
  // Opened before; it stays as long as it is used.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  assert.equal((await deploy(node, agent)).status, 201, node.log());
  for (const [what, start] of floods) {
    await t.test(`${what}: the node deploys and calls, and is whole once they leave`, async () => {
      const end = flood(limit + 60, () => start(node));
      t.after(end);
      for (let second = 0; second < 4; second++) {
        assert.equal((await ask(node, { path: "/fn/one/one", method: "POST", agent })).status, 200);
        assert.equal((await ask(node, { path: "/v1/nodes", agent })).status, 200);
        if (process.platform === "linux") {
          const used = readdirSync(`/proc/${node.child.pid}/fd`).length;
          assert.ok(used <= limit - 16, `${used} descriptors are in use`);
        }
        await sleep(1_000);
      }
      const during = await deploy(node, agent);
      assert.equal(during.status, 200, during.text);
      end();
      await sleep(500);
      assert.equal((await ask(node, { path: "/fn/one/one", method: "POST" })).status, 200, "a new connection");
      assert.equal((await deploy(node)).status, 200);
      assert.equal(node.child.exitCode, null);
      assert.doesNotMatch(node.log(), /nothing handled/);
    });
  }
});

function portOf(url: string): number {
  return Number(new URL(url).port);
}

/** SIGUSR2 takes every descriptor that is left, at the next SIGUSR2 they are given back. */
const hoard = `
  import { closeSync, openSync } from "node:fs";
  let held = [];
  process.on("SIGUSR2", () => {
    if (held.length > 0) { for (const fd of held) closeSync(fd); held = []; return; }
    try { for (;;) held.push(openSync("/dev/null")); } catch {}
  });`;

test("a process without a descriptor left lives, loses no thread for good, and compiles again once there are some", {
  skip,
}, async (t) => {
  const node = await frugal(t, hoard);
  const agent = new Agent({ keepAlive: true, maxSockets: 2 });
  t.after(() => agent.destroy());
  assert.equal((await deploy(node, agent)).status, 201, node.log());
  const calls = () => ask(node, { path: "/fn/one/one", method: "POST", agent });
  await Promise.all([calls(), calls()]);
  node.child.kill("SIGUSR2");
  await sleep(100);
  // A thread is ended at its deadline, which takes another in its place; sensors look, figures are read, and a deploy
  // is asked for.
  const spun = ask(node, { path: "/fn/one/spin", method: "POST", agent });
  const metrics = await ask(node, { path: "/metrics", agent });
  assert.equal(metrics.status, 200);
  assert.match(metrics.text, /^herd_connections /m);
  await deploy(node, agent);
  assert.equal((await spun).status, 504);
  await sleep(6_000);
  assert.equal(node.child.exitCode, null, node.log());
  node.child.kill("SIGUSR2");
  await sleep(3_000);
  let answer = { status: 0, text: "" };
  for (let tries = 0; tries < 30 && answer.status !== 200; tries++) {
    answer = await calls();
    if (answer.status !== 200) await sleep(500);
  }
  assert.equal(answer.status, 200, `${answer.text}\n${node.log()}`);
  assert.equal((await deploy(node, agent)).status, 200);
  assert.equal(node.child.exitCode, null);
  assert.doesNotMatch(node.log(), /nothing handled/);
});
