// Five nodes, each in a namespace of its own, as processes that can be killed, stopped, cut off, filled, starved and
// shifted in time.

import assert from "node:assert/strict";
import { open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createToken } from "../../src/api/tokens.js";
import { type LaunchedNode, NodeProcess } from "../../src/testing/node-process.js";
import { seesAlive, until } from "../harness/processes/processes.js";
import { boundDescriptors, mountSmall, Network } from "./namespaces.js";

/** Names of the nodes; the first founds. */
export const names = ["north", "east", "south", "west", "mid"] as const;

/** One of {@link names}. */
export type Name = (typeof names)[number];

/** Room for a state folder: its identity, records and apps, and little more. */
const stateMegabytes = 24;
const filler = "filler";
const ports = ["--port", "8443", "--peer-port", "8444"];

/** The nodes by name. */
export class Five {
  readonly #folder: string;
  readonly #network: Network;
  readonly #nodes = new Map<Name, NodeProcess>();
  /** An admin token; a founder tells it at its first start alone. */
  #token = "";

  private constructor(folder: string, network: Network) {
    this.#folder = folder;
    this.#network = network;
  }

  /** Starts all of them; `folder` must be empty. */
  static async start(folder: string): Promise<Five> {
    const five = new Five(folder, await Network.make());
    const settings = { profile: false, warmCompiler: false, limits: { compileTimeoutMs: 120_000 } };
    await writeFile(join(folder, "node.json"), JSON.stringify(settings));
    for (const name of names) {
      await mountSmall(five.#state(name), stateMegabytes);
      await writeFile(five.#clock(name), "+0s\n");
    }
    const [founder, ...others] = names;
    await five.#start(founder);
    five.#token = five.founder.ready.token ?? "";
    for (const name of others) {
      const token = await five.joinToken(name);
      await five.#start(name, ["--join", five.node(founder).ready.url, "--token", token]);
    }
    await five.whole();
    return five;
  }

  /** The node of that name, as it was last started. */
  node(name: Name): NodeProcess {
    const node = this.#nodes.get(name);
    assert.ok(node, name);
    return node;
  }

  get founder(): NodeProcess {
    return this.node(names[0]);
  }

  get token(): string {
    return this.#token;
  }

  /** A join token for that node. */
  async joinToken(name: Name): Promise<string> {
    const { json: made } = await this.founder
      .client(this.token)
      .call(createToken, { body: { role: "join", node: name } });
    return made.token;
  }

  /** Starts a node that ended again, with its state. */
  async restart(name: Name): Promise<void> {
    await this.#start(name);
  }

  /** Cuts a node off, or plugs it in again. */
  plug(name: Name, isPlugged: boolean): Promise<void> {
    return this.#network.plug(name, isPlugged);
  }

  /** Fills the file system of a node's state to the last byte. */
  async fill(name: Name): Promise<void> {
    const file = await open(join(this.#state(name), filler), "w");
    try {
      for (const size of [1 << 20, 4_096, 1]) {
        const block = Buffer.alloc(size);
        while (await file.write(block).then(({ bytesWritten }) => bytesWritten > 0, isFull));
      }
    } finally {
      await file.close();
    }
  }

  /** Gives the room back. */
  async empty(name: Name): Promise<void> {
    await rm(join(this.#state(name), filler));
  }

  /** Leaves a node so many more descriptors than it has open. */
  async starve(name: Name, more: number): Promise<void> {
    const { pid } = this.node(name);
    const open = await readdir(`/proc/${pid}/fd`);
    await boundDescriptors(pid, open.length + more);
  }

  /** Gives a node as many descriptors as this process may have: what it was started with. */
  async feed(name: Name): Promise<void> {
    const own = /^Max open files +(\d+)/m.exec(await readFile("/proc/self/limits", "utf8"))?.[1];
    await boundDescriptors(this.node(name).pid, Number(own));
  }

  /** Shifts a node's clock by so many hours against that of the others. */
  async shift(name: Name, hours: number): Promise<void> {
    await writeFile(this.#clock(name), `${hours < 0 ? "" : "+"}${hours * 3_600}s\n`);
  }

  /** Resolves when every node sees all others alive and is ready; to the milliseconds that took. */
  async whole(): Promise<number> {
    const began = performance.now();
    for (const name of names) {
      const node = this.node(name);
      await until(`${name} sees all`, () => seesAlive(node, { token: this.token, names }), { limitMs: 180_000 });
      await until(`${name} is ready`, async () => (await node.client(this.token).send("/readyz")).status === 200);
    }
    return performance.now() - began;
  }

  /** Ends what still runs. */
  async stop(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((node) => node.stop()));
  }

  async #start(name: Name, more: readonly string[] = []): Promise<void> {
    const { address, prefix } = await this.#network.place(name);
    const at = ["--host", address, "--advertise", address, ...ports];
    const kept = ["--name", name, "--state", this.#state(name), "--workers", "1"];
    const flags = [...kept, ...at, "--config", join(this.#folder, "node.json"), ...more];
    const launched: LaunchedNode = NodeProcess.launch(flags, { prefix, env: this.#environment(name) });
    this.#nodes.set(name, await launched.serving);
  }

  #environment(name: Name): NodeJS.ProcessEnv {
    const library = process.env.HERD_FAKETIME;
    if (library === undefined) return process.env;
    const clock = { FAKETIME_TIMESTAMP_FILE: this.#clock(name), FAKETIME_NO_CACHE: "1" };
    return { ...process.env, LD_PRELOAD: library, ...clock, FAKETIME_DONT_FAKE_MONOTONIC: "1" };
  }

  #state(name: Name): string {
    return join(this.#folder, name);
  }

  #clock(name: Name): string {
    return join(this.#folder, `${name}.clock`);
  }
}

function isFull(error: NodeJS.ErrnoException): false {
  if (error.code !== "ENOSPC") throw error;
  return false;
}
