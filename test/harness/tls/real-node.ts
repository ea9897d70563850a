// A whole node in this process: the real compiler, sandbox, catalog and certificates, and a client for it.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deployApp } from "../../../src/api/apps.js";
import { Client } from "../../../src/client/client.js";
import { loadConfig } from "../../../src/core/config.js";
import { HerdNode } from "../../../src/node/node.js";
import type { Ready } from "../../../src/server/views/startup-summary.js";
import { checkAnswer } from "../../contract.js";
import { testDoor } from "./test-door.js";

/** A running node and its folder. */
export interface RealNode {
  readonly node: HerdNode;
  readonly ready: Ready;
  readonly client: Client;
  readonly folder: string;
  /** Stops the node and removes its folder. */
  stop(): Promise<void>;
}

/** Starts a node on a free port with a state folder of its own, or in `folder`. */
export async function startNode(flags: Readonly<Record<string, unknown>> = {}, known?: string): Promise<RealNode> {
  const folder = known ?? (await mkdtemp(join(tmpdir(), "herd-test-")));
  const state = join(folder, "state");
  const config = await loadConfig({
    flags: {
      port: 0,
      state,
      workers: 2,
      logLevel: "silent",
      name: "test",
      profile: false,
      warmCompiler: false,
      door: testDoor,
      ...flags,
    },
  });
  const node = new HerdNode({ ...config, limits: { ...config.limits, compileTimeoutMs: 120_000 } });
  const ready = await node.start();
  const ca = await readFile(ready.ca, "utf8");
  const client = new Client({ url: new URL(ready.url), token: ready.token, ca, onAnswer: checkAnswer });
  const stop = async (): Promise<void> => {
    await node.stop();
    if (known === undefined) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  return { node, ready, client, folder, stop };
}

/** Deploys one text. */
export async function deployText(client: Client, app: string, text: string): Promise<{ revision: string }> {
  const raw = { type: "text/plain", bytes: text };
  return (await client.call(deployApp, { parameters: { app }, raw })).json;
}

/** Calls a function with JSON text; the answer's JSON text. */
export async function callText(client: Client, path: string, body: string): Promise<string> {
  const headers = { "content-type": "application/json" };
  return (await client.send(`/fn/${path}`, { method: "POST", body, headers })).text;
}
