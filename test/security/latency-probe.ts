// Requests /healthz of a node again and again, in a thread of its own, so that the test's own work delays no request.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, get } from "node:https";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import type { ReadyLine } from "../../src/api/ready.js";

const pauseMs = 5;
const limitMs = 20_000;

interface Target {
  readonly url: string;
  readonly ca: string;
}

/** A running probe of one node. */
export class LatencyProbe {
  readonly #worker: Worker;
  #failure: unknown;

  private constructor(worker: Worker) {
    this.#worker = worker;
    // When the node ends before the probe does, nobody may wait any more.
    worker.on("error", (error) => {
      this.#failure = error;
    });
  }

  /** Starts one, which ends with its test. */
  static async start(context: TestContext, { url, ca }: ReadyLine): Promise<LatencyProbe> {
    const target: Target = { url, ca: readFileSync(ca, "utf8") };
    const worker = new Worker(new URL(import.meta.url), { workerData: target });
    context.after(() => worker.terminate());
    const probe = new LatencyProbe(worker);
    await probe.longestMs();
    return probe;
  }

  /** The longest that an answer took since this was asked before, the one under way included, in ms. */
  async longestMs(): Promise<number> {
    if (this.#failure !== undefined) throw this.#failure;
    const answer = once(this.#worker, "message").then(([longest]) => longest as number);
    this.#worker.postMessage("longest");
    return answer;
  }
}

async function probe({ url, ca }: Target): Promise<void> {
  const agent = new Agent({ ca, keepAlive: true, maxSockets: 1 });
  let longest = 0;
  let wanted = 0;
  parentPort?.on("message", () => wanted++);
  for (;;) {
    const owed = wanted;
    const began = performance.now();
    await ask(new URL("/healthz", url), agent);
    longest = Math.max(longest, performance.now() - began);
    if (owed > 0) {
      parentPort?.postMessage(longest);
      longest = 0;
      wanted -= owed;
    }
    await sleep(pauseMs);
  }
}

function ask(url: URL, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const asking = get(url, { agent, timeout: limitMs }, (answer) => answer.resume().once("end", resolve));
    asking.once("timeout", () => asking.destroy(new Error(`no answer in ${limitMs} ms`)));
    asking.once("error", reject);
  });
}

if (!isMainThread) void probe(workerData as Target);
