// Callers and a deployer that go on whatever happens to the nodes, and what came of it.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { deployApp } from "../../src/api/apps.js";
import { Client } from "../../src/client/client.js";
import { ProblemError } from "../../src/client/errors.js";

/** A node as clients know it. */
export interface Reached {
  readonly name: string;
  readonly url: string;
}

/** What {@link SteadyLoad} is made with: an app `steady` with `twice(n: i32): i32` must be there. */
export interface SteadyLoadOptions {
  readonly nodes: readonly Reached[];
  readonly token: string;
  readonly ca: string;
}

/** A call or a deploy that ended; `failed` is its problem's code, or `unreachable`. `at` is `performance.now`. */
export interface Ended {
  readonly node: string;
  readonly at: number;
  readonly ms: number;
  readonly failed: string | undefined;
}

/** A deploy that a node acknowledged. */
export interface Acknowledged {
  readonly app: string;
  readonly revision: string;
  readonly answer: number;
}

const callEveryMs = 60;
const deployEveryMs = 2_500;
/** Nobody waits longer for an answer. */
const patienceMs = 15_000;
/** What a node says of itself within this time counts as an answer. */
const headers = { "content-type": "application/json" };

/** One caller at each node, and one deployer that goes from node to node. */
export class SteadyLoad {
  readonly calls: Ended[] = [];
  readonly deploys: Ended[] = [];
  readonly acknowledged: Acknowledged[] = [];
  /** Answers that are not what the function computes. */
  readonly wrong: string[] = [];
  readonly #options: SteadyLoadOptions;
  readonly #ended = new AbortController();
  readonly #running: Promise<unknown>;

  constructor(options: SteadyLoadOptions) {
    this.#options = options;
    this.#running = Promise.all([...options.nodes.map((node) => this.#callAt(node)), this.#deploy()]);
  }

  /** Nothing more begins; resolves when all has ended. */
  async end(): Promise<void> {
    this.#ended.abort();
    await this.#running;
  }

  /** A client of that node. */
  client(node: Reached): Client {
    return new Client({ url: new URL(node.url), token: this.#options.token, ca: this.#options.ca });
  }

  async #callAt(node: Reached): Promise<void> {
    const client = this.client(node);
    for (let n = 0; !this.#ended.signal.aborted; n++) {
      const failed = await this.#observe(this.calls, node, async (signal) => {
        const { text } = await client.send("/fn/steady/twice", { method: "POST", body: `[${n}]`, headers, signal });
        if (text !== String(2 * n)) this.wrong.push(`${node.name}: twice(${n}) = ${text.slice(0, 80)}`);
      });
      await sleep(failed ? 5 * callEveryMs : callEveryMs);
    }
  }

  /** Each deploy is an app of its own, so that none replaces another. */
  async #deploy(): Promise<void> {
    const { nodes } = this.#options;
    for (let count = 0; !this.#ended.signal.aborted; count++) {
      const node = nodes[count % nodes.length];
      assert.ok(node, "no node");
      const app = `deployed-${count}`;
      const raw = { type: "application/typescript", bytes: `export function which(): i32 { return ${count}; }` };
      await this.#observe(this.deploys, node, async (signal) => {
        const { json: deployed } = await this.client(node).call(deployApp, { parameters: { app }, raw, signal });
        this.acknowledged.push({ app, revision: deployed.revision, answer: count });
      });
      await sleep(deployEveryMs, undefined, { signal: this.#ended.signal }).catch(() => undefined);
    }
  }

  async #observe(list: Ended[], { name }: Reached, ask: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    const began = performance.now();
    const failed = await ask(AbortSignal.timeout(patienceMs)).then(
      () => undefined,
      (error: unknown) => (error instanceof ProblemError ? error.document.code : "unreachable"),
    );
    const at = performance.now();
    list.push({ node: name, at, ms: at - began, failed });
    return failed !== undefined;
  }
}
