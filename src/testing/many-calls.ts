// Many calls of one function through the HTTPS interface of one node, over connections that stay open.

import { Agent, request } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { isRetryable, retryDelayMs } from "./retry.js";

/** The node to call, and the root to trust, in PEM. */
export interface CalledNode {
  readonly ca: string;
  readonly ready: { readonly url: string };
}

/** The function to call, the number of calls, and how many run at a time. */
export interface ManyCalls {
  /** `APP/FUNCTION`. */
  readonly path: string;
  /** JSON of the arguments of the n-th call. */
  readonly body: (index: number) => string;
  readonly calls: number;
  readonly atATime: number;
  readonly token: string;
  /** Deadline of each call, ms; the node's own when not given. */
  readonly deadlineMs?: number;
  /** Pause of a caller between an answer and its next call, ms; none when not given. */
  readonly pauseMs?: () => number;
  /** Tries of a call that the node answers with 429, 503 or 504, at most; 1 when not given. */
  readonly tries?: number;
  /** No call begins after the signal aborted. */
  readonly signal?: AbortSignal;
  /** Called with each answer as it arrives. */
  readonly onAnswer?: (answer: Answer) => void;
}

/** One answer; `ms` from the first byte sent to the last received. */
export interface Answer {
  readonly index: number;
  readonly status: number;
  readonly text: string;
  /** Node that computed it, and hops, from the headers of the answer. */
  readonly node: string;
  readonly hops: number;
  readonly ms: number;
  /** When it arrived, by `performance.now`. */
  readonly at: number;
}

/** Makes the calls; resolves when each has its answer. Rejects when a connection fails. */
export async function callMany(node: CalledNode, options: ManyCalls): Promise<Answer[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: options.atATime, ca: node.ca });
  const url = new URL(`/fn/${options.path}`, node.ready.url);
  const answers: Answer[] = [];
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < options.calls && options.signal?.aborted !== true) {
      const index = next++;
      const answer = await callUntilAnswered(url, { ...options, index, agent });
      answers.push(answer);
      options.onAnswer?.(answer);
      if (options.pauseMs !== undefined) await sleep(options.pauseMs());
    }
  };
  try {
    await Promise.all(Array.from({ length: options.atATime }, caller));
    return answers;
  } finally {
    agent.destroy();
  }
}

async function callUntilAnswered(url: URL, options: ManyCalls & { index: number; agent: Agent }): Promise<Answer> {
  for (let count = 1; ; count++) {
    const answer = await callOnce(url, options);
    if (!isRetryable(answer.status) || count >= (options.tries ?? 1) || options.signal?.aborted) return answer;
    await sleep(retryDelayMs(count));
  }
}

function callOnce(url: URL, options: ManyCalls & { index: number; agent: Agent }): Promise<Answer> {
  const { agent, token, index, deadlineMs } = options;
  const body = options.body(index);
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      ...(deadlineMs === undefined ? {} : { "herd-deadline-ms": String(deadlineMs) }),
    };
    const outgoing = request(url, { method: "POST", agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const at = performance.now();
        const text = Buffer.concat(chunks).toString("utf8");
        const { "herd-node": name, "herd-hops": hops } = response.headers;
        resolve({
          index,
          status: response.statusCode ?? 0,
          text,
          node: String(name ?? ""),
          hops: Number(hops ?? Number.NaN),
          ms: at - began,
          at,
        });
      });
    });
    outgoing.once("error", reject);
    outgoing.end(body);
  });
}
