// What tests of whole meshes share: nodes as processes, in a folder that is removed with them, and waits for
// conditions.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { deployApp } from "../../../src/api/apps.js";
import { type Mesh, showMesh } from "../../../src/api/mesh.js";
import { listNodes, nodeList } from "../../../src/api/nodes.js";
import { narrowed } from "../../../src/api/route.js";
import { LocalMesh } from "../../../src/testing/local-mesh.js";
import { type LaunchedNode, NodeProcess, runHerd } from "../../../src/testing/node-process.js";
import { checkAnswer } from "../../contract.js";

/** A mesh that ends with its test; `settings` go into the configuration file of its nodes. */
export async function startMesh(
  context: TestContext,
  names: readonly string[],
  { settings = {} }: { readonly settings?: object } = {},
): Promise<LocalMesh> {
  const folder = await mkdtemp(join(tmpdir(), "herd-mesh-test-"));
  let mesh: LocalMesh | undefined;
  context.after(async () => {
    await mesh?.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  // A machine that runs many of these meshes at a time compiles slowly, and must not measure the capacity of each.
  const quiet = { limits: { compileTimeoutMs: 120_000 }, profile: false, warmCompiler: false };
  const flags = ["--workers", "1"];
  mesh = await LocalMesh.start({ folder, names, flags, settings: { ...quiet, ...settings }, onAnswer: checkAnswer });
  return mesh;
}

/** The mesh as a node sees it. */
export async function meshSeenBy(node: NodeProcess, token: string): Promise<Mesh> {
  return (await node.client(token).call(showMesh)).json;
}

/**
 * Waits until `holds` resolves to anything but undefined or false; resolves to the milliseconds that took. Rejects with
 * the last reason.
 */
export async function until(
  what: string,
  holds: () => Promise<unknown>,
  { limitMs = 120_000 }: { limitMs?: number } = {},
): Promise<number> {
  const began = performance.now();
  let last: unknown;
  for (;;) {
    try {
      const value = await holds();
      if (value !== undefined && value !== false) return performance.now() - began;
    } catch (error) {
      last = error;
    }
    if (performance.now() - began > limitMs)
      throw new Error(`${what} did not come about in ${limitMs} ms`, { cause: last });
    await sleep(20);
  }
}

/** Whether a node has a link to every other node, and sees it alive. */
export async function seesAlive(
  node: NodeProcess,
  options: { token: string; names: readonly string[] },
): Promise<boolean> {
  const { peers } = await meshSeenBy(node, options.token);
  const alive = peers.filter(({ state, rttMs }) => state === "alive" && rttMs !== null).map(({ name }) => name);
  return options.names.every((name) => name === node.ready.node || alive.includes(name));
}

/** Deploys a source text; resolves to the answer. */
export async function deploy(
  node: NodeProcess,
  { app, text, token }: { app: string; text: string; token: string },
): Promise<{ readonly revision: string; readonly nodes: readonly string[] }> {
  const raw = { type: "application/typescript", bytes: text };
  return (await node.client(token).call(deployApp, { parameters: { app }, raw })).json;
}

/** Calls a function with JSON; resolves to the node that computed it, and its result. */
export async function call(
  node: NodeProcess,
  { path, body, token }: { path: string; body: string; token: string },
): Promise<{ readonly text: string; readonly node: string; readonly hops: string }> {
  const headers = { "content-type": "application/json" };
  const reply = await node.client(token).send(`/fn/${path}`, { method: "POST", body, headers });
  return { text: reply.text, node: String(reply.headers["herd-node"]), hops: String(reply.headers["herd-hops"]) };
}

/** Starts one more node of a mesh, which joins at `at`; the node ends with the test. */
export function launchJoiner(
  context: TestContext,
  options: { readonly mesh: LocalMesh; readonly name: string; readonly at: string; readonly flags?: readonly string[] },
): LaunchedNode {
  const { mesh, name, at, flags = [] } = options;
  return launchNode(context, [...mesh.flags(name), "--join", at, ...flags]);
}

/** Runs `herd up` with these flags; the node ends with the test. */
export function launchNode(context: TestContext, flags: readonly string[]): LaunchedNode {
  const launched = NodeProcess.launch(flags, { onAnswer: checkAnswer });
  context.after(async () => {
    launched.kill();
    await launched.exited;
  });
  return launched;
}

/** Runs a command of `herd` against this node, with a token and `--json`; resolves to its output. */
export async function herdAt(node: NodeProcess, token: string, args: readonly string[]): Promise<string> {
  const { url, ca } = node.ready;
  return runHerd(["--url", url, "--ca", ca, "--token", token, "--json", ...args]);
}

/** The id of a node, by its name. */
export async function nodeIdOf(node: NodeProcess, token: string): Promise<string> {
  const { json: nodes } = await node.client(token).call(narrowed(listNodes, nodeList));
  return nodes.find(({ name }) => name === node.ready.node)?.id ?? "";
}
