// A mesh of real nodes with unequal shares of CPU, callers who keep it busy, and who computed how much.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { showApp } from "../../src/api/apps.js";
import { type MeshNode, showMesh } from "../../src/api/mesh.js";
import type { LocalMesh } from "../../src/testing/local-mesh.js";
import { type Answer, callMany } from "../../src/testing/many-calls.js";
import { NodeProcess } from "../../src/testing/node-process.js";
import { deploy, seesAlive, startMesh, until } from "../harness/processes/processes.js";
import { type CpuShares, cpuShares } from "./unequal-cpu.js";

/** The functions do the same; the work of each is learned by itself. */
const source = `function spin(rounds: i32): i32 {
  let state: u32 = <u32>rounds;
  for (let round = 0; round < rounds; round++) state = state * 1664525 + 1013904223;
  return state == 12345 ? -1 : rounds;
}
export function equal(rounds: i32): i32 { return spin(rounds); }
export function steady(rounds: i32): i32 { return spin(rounds); }
export function light(rounds: i32): i32 { return spin(rounds); }
export function heavy(rounds: i32): i32 { return spin(rounds); }`;

/** Live state of a node, as a peer sees it. */
export type SeenNode = MeshNode & { readonly name: string };

/** What is called, and how. */
export interface LoadOptions {
  readonly function: "equal" | "steady" | "light" | "heavy";
  /** What a call takes of a whole core. */
  readonly runMs: number;
  readonly callers: number;
  /** What a caller waits on average between an answer and its next call; nothing unless given. */
  readonly pauseMs?: number;
}

/** One more node. */
export interface NodeOptions {
  /** Of one core. */
  readonly share: number;
  readonly flags?: readonly string[];
  readonly script?: string;
}

/** Calls that go on until they are ended. */
export interface Load {
  /** Answers so far, in the order in which they came. */
  readonly answers: readonly Answer[];
  /** Those that come within the next so many milliseconds. */
  during(ms: number): Promise<readonly Answer[]>;
  /** No more calls; every answer, once all came. */
  end(): Promise<readonly Answer[]>;
}

/** The nodes by name, at the shares that they were given. */
export class UnequalMesh {
  readonly mesh: LocalMesh;
  readonly #shares: CpuShares;
  readonly #roundsPerMs: number;
  readonly #gone = new Set<string>();

  private constructor(mesh: LocalMesh, facts: { shares: CpuShares; roundsPerMs: number }) {
    this.mesh = mesh;
    this.#shares = facts.shares;
    this.#roundsPerMs = facts.roundsPerMs;
  }

  /**
   * Starts nodes, each at its share of one core from when it serves. What they can do is not measured: they learn it
   * from each other's calls.
   */
  static async start(context: TestContext, given: Readonly<Record<string, number>>): Promise<UnequalMesh> {
    const shares = await cpuShares(context);
    const [founder = "", ...others] = Object.keys(given);
    const mesh = await startMesh(context, [founder]);
    await shares.limit(mesh.founder.pid, given[founder] ?? 1);
    await deploy(mesh.founder, { app: "demo", text: source, token: mesh.token });
    const unequal = new UnequalMesh(mesh, { shares, roundsPerMs: await measureRounds(mesh) });
    // All at once: a machine with much to do gives each process a part of its time.
    await Promise.all(others.map((name) => unequal.#launch(name, { share: given[name] ?? 1 })));
    await unequal.#complete();
    return unequal;
  }

  /** Whether the shares hold while others use the machine, too. */
  get exact(): boolean {
    return this.#shares.exact;
  }

  /** One more node joins, with more flags or another script than `herd`; resolves when it takes part. */
  async join(name: string, options: NodeOptions): Promise<NodeProcess> {
    const node = await this.#launch(name, options);
    await this.#complete();
    return node;
  }

  /** Ends a node in order. */
  async leave(name: string): Promise<void> {
    this.#gone.add(name);
    await this.node(name).stop();
  }

  node(name: string): NodeProcess {
    const node = this.mesh.nodes.find(({ ready }) => ready.node === name);
    assert.ok(node, "no node");
    return node;
  }

  /** From now on a node has that share of one core. */
  limit(name: string, share: number): Promise<void> {
    return this.#shares.limit(this.node(name).pid, share);
  }

  /** Callers at one node start. */
  load(at: string, options: LoadOptions): Load {
    const ended = new AbortController();
    const rounds = Math.round(options.runMs * this.#roundsPerMs);
    const { pauseMs } = options;
    const answers: Answer[] = [];
    const all = callMany(this.node(at), {
      path: `demo/${options.function}`,
      body: () => `[${rounds}]`,
      calls: Number.POSITIVE_INFINITY,
      atATime: options.callers,
      token: this.mesh.token,
      // Exponential: callers that wait the same time would come in step.
      ...(pauseMs === undefined ? {} : { pauseMs: () => -Math.log(1 - Math.random()) * pauseMs }),
      signal: ended.signal,
      onAnswer: (answer) => answers.push(answer),
    });
    const during = async (ms: number): Promise<readonly Answer[]> => {
      const from = answers.length;
      await Promise.race([sleep(ms), all]);
      return answers.slice(from);
    };
    const end = (): Promise<readonly Answer[]> => {
      ended.abort();
      return all;
    };
    // Whoever waits hears of it.
    all.catch(() => undefined);
    return { answers, during, end };
  }

  /** All nodes as one of them tells them, itself first. */
  async seenBy(name: string): Promise<readonly SeenNode[]> {
    const client = this.node(name).client(this.mesh.token);
    const { here, peers } = (await client.call(showMesh)).json;
    return [{ ...here, name }, ...peers];
  }

  async #launch(name: string, { share, flags = [], ...how }: NodeOptions): Promise<NodeProcess> {
    const { mesh } = this;
    const token = await mesh.joinToken({ node: name });
    const joining = [...mesh.flags(name), "--join", mesh.founder.ready.url, "--token", token, ...flags];
    const node = await mesh.add(NodeProcess.launch(joining, how));
    await this.#shares.limit(node.pid, share);
    return node;
  }

  /** Everybody sees everybody, and all hold the app. */
  async #complete(): Promise<void> {
    const { token, founder } = this.mesh;
    const nodes = this.mesh.nodes.filter(({ ready }) => !this.#gone.has(ready.node));
    const names = nodes.map(({ ready }) => ready.node);
    for (const node of nodes) await until(`${node.ready.node} sees all`, () => seesAlive(node, { token, names }));
    await until("all hold the app", async () => {
      const { json: app } = await founder.client(token).call(showApp, { parameters: { app: "demo" } });
      return names.every((name) => app.nodes.includes(name));
    });
  }
}

/**
 * How fast this machine runs the guest's loop: the best of some short calls on the founder, by the node's own clock.
 */
async function measureRounds({ founder, token }: LocalMesh): Promise<number> {
  const rounds = 500_000;
  let bestMs = Number.POSITIVE_INFINITY;
  for (let count = 0; count < 60; count++) {
    const headers = { "content-type": "application/json", "herd-node": founder.ready.node };
    const request = { method: "POST", body: `[${rounds}]`, headers } as const;
    const reply = await founder.client(token).send("/fn/demo/equal", request);
    const run = /run;dur=([\d.]+)/.exec(String(reply.headers["server-timing"]))?.[1];
    bestMs = Math.min(bestMs, Number(run));
  }
  assert.ok(Number.isFinite(bestMs) && bestMs > 0, `${bestMs} ms`);
  return rounds / bestMs;
}

/** Each name's part of all, of 1. */
export function partsOf(amounts: ReadonlyMap<string, number>): Map<string, number> {
  const total = [...amounts.values()].reduce((sum, amount) => sum + amount, 0);
  return new Map([...amounts].map(([name, amount]) => [name, amount / total]));
}

/** How many calls each node computed. */
export function countByNode(answers: readonly Answer[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { node } of answers) counts.set(node, (counts.get(node) ?? 0) + 1);
  return counts;
}

/** Each name with its part in percent, for people. */
export function percents(parts: ReadonlyMap<string, number>): string {
  return [...parts].map(([name, part]) => `${name} ${(100 * part).toFixed(1)} %`).join(", ");
}

/** How many answers came in a second, and how long they took. */
export function speedOf(answers: readonly Answer[]): string {
  const times = answers.map(({ ms }) => ms).sort((left, right) => left - right);
  const quantile = (part: number): string =>
    (times[Math.min(times.length - 1, Math.floor(part * times.length))] ?? Number.NaN).toFixed(1);
  const [first, last] = [answers[0]?.at ?? 0, answers.at(-1)?.at ?? 0];
  const perSecond = Math.round((1_000 * answers.length) / (last - first));
  return `${answers.length} answers, ${perSecond} a second, p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms`;
}
