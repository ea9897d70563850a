// A mesh of several node processes on this machine: the first founds it, each other one joins with a token of its own.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SentBodyOf } from "../api/route.js";
import { createToken } from "../api/tokens.js";
import { type LaunchedNode, type LaunchOptions, NodeProcess, runHerd } from "./node-process.js";

/** Folder, names and flags of a mesh. */
export interface LocalMeshOptions {
  /** Folder for the nodes' states. */
  readonly folder: string;
  /** Names of the nodes; the first founds. */
  readonly names: readonly string[];
  /** Flags for every node. */
  readonly flags?: readonly string[];
  /** Content of the configuration file of every node. */
  readonly settings?: object;
  /** As {@link LaunchOptions} has it, for every node that the mesh starts. */
  readonly onAnswer?: LaunchOptions["onAnswer"];
}

/** A running mesh and an admin token for it. */
export class LocalMesh {
  readonly #options: LocalMeshOptions;
  readonly #nodes: NodeProcess[] = [];
  #token = "";

  private constructor(options: LocalMeshOptions) {
    this.#options = options;
  }

  /** Starts the founder, then each other node in turn. */
  static async start(options: LocalMeshOptions): Promise<LocalMesh> {
    const mesh = new LocalMesh(options);
    const [founder = "node", ...others] = options.names;
    await mkdir(options.folder, { recursive: true });
    if (options.settings !== undefined) await writeFile(mesh.#config, JSON.stringify(options.settings));
    try {
      const node = await NodeProcess.start(mesh.flags(founder), mesh.#launch);
      mesh.#nodes.push(node);
      mesh.#token = node.ready.token ?? "";
      for (const name of others) await mesh.join(name);
      return mesh;
    } catch (error) {
      await mesh.stop();
      throw error;
    }
  }

  /** The nodes in the order of their start. */
  get nodes(): readonly NodeProcess[] {
    return this.#nodes;
  }

  /** The node that founded the mesh. */
  get founder(): NodeProcess {
    const [founder] = this.#nodes;
    if (founder === undefined) throw new TypeError("the mesh has no founder");
    return founder;
  }

  /** The founder's admin token, which the founder shows at its first start alone. */
  get token(): string {
    return this.#token;
  }

  get #config(): string {
    return join(this.#options.folder, "node.json");
  }

  get #launch(): LaunchOptions {
    return { onAnswer: this.#options.onAnswer };
  }

  /** The flags that a node of this mesh is started with. */
  flags(name: string): string[] {
    const state = join(this.#options.folder, name);
    const { flags = [], settings } = this.#options;
    const config = settings === undefined ? [] : ["--config", this.#config];
    return ["--name", name, "--state", state, "--port", "0", "--peer-port", "0", ...config, ...flags];
  }

  /** Starts one more node, which joins with a token made for it. */
  async join(name: string, flags: readonly string[] = []): Promise<NodeProcess> {
    const url = this.founder.ready.url;
    const token = await this.joinToken({ node: name });
    return this.add(NodeProcess.launch([...this.flags(name), "--join", url, "--token", token, ...flags], this.#launch));
  }

  /** Adds a node that the caller launched, once it serves. */
  async add({ serving }: LaunchedNode): Promise<NodeProcess> {
    const node = await serving;
    this.#nodes.push(node);
    return node;
  }

  /** A join token made at the founder. */
  async joinToken(options: Omit<SentBodyOf<typeof createToken>, "role"> = {}): Promise<string> {
    const client = this.founder.client(this.token);
    return (await client.call(createToken, { body: { role: "join", ...options } })).json.token;
  }

  /** Runs a command of `herd` as the founder's admin; resolves to its output. */
  async herd(args: readonly string[]): Promise<string> {
    return runHerd(["--state", this.founder.ready.state, ...args]);
  }

  /** Ends a node in order, if it has not ended, and starts it again with the same state. */
  async restart(name: string): Promise<NodeProcess> {
    const index = this.#nodes.findIndex((node) => node.ready.node === name);
    await this.#nodes[index]?.stop();
    const node = await NodeProcess.start(this.flags(name), this.#launch);
    this.#nodes[index] = node;
    return node;
  }

  /** Ends every node in order, the founder last. */
  async stop(): Promise<void> {
    for (const node of [...this.#nodes].reverse()) await node.stop();
  }
}
