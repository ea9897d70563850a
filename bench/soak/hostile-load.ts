// Hostile load: a mix of what a node meets in weeks, as fast as it answers: good calls, failing ones, deploys, broken
// requests and clients that disconnect.

import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:tls";
import { deployApp, removeApp } from "../../src/api/apps.js";
import { Client } from "../../src/client/client.js";
import { ProblemError } from "../../src/client/errors.js";

/** The node that is loaded; `ca` in PEM. */
export interface Loaded {
  readonly url: string;
  readonly token: string;
  readonly ca: string;
}

const json = { "content-type": "application/json" };

/**
 * Calls that fail cost a thread each, or an instance: a few a second are enough to find what each of them leaves
 * behind.
 */
const source = `export function twice(n: i32): i32 { return 2 * n; }
export function trap(): i32 { throw new Error("on purpose"); }
export function spin(): i32 { let n: i32 = 0; while (true) n++; return n; }
export function swallow(): i32 {
  const all: Uint8Array[] = [];
  while (true) all.push(new Uint8Array(1 << 20));
  return all.length;
}
export function grow(): i32 { return new Uint8Array(8 << 20).length; }
export function say(): void { for (let line = 0; line < 50; line++) console.log(line.toString()); }
`;

/** Codes that the mix is made to cause. Every other code is wrong. */
const expected: ReadonlySet<string> = new Set([
  "function.trapped",
  "function.deadline",
  "function.out-of-memory",
  "node.overloaded",
  "request.malformed",
  "request.throttled",
  "compile.busy",
  "source.invalid",
  "app.unknown",
]);

/** The mix, with its counters: requests by outcome, and wrong answers. */
export class HostileLoad {
  readonly outcomes = new Map<string, number>();
  readonly wrong: string[] = [];
  readonly #node: Loaded;
  readonly #client: Client;
  readonly #ended = new AbortController();
  #running: Promise<unknown> | undefined;

  constructor(node: Loaded) {
    this.#node = node;
    this.#client = new Client({ url: new URL(node.url), token: node.token, ca: node.ca });
  }

  /** Deploys the apps, and begins. */
  async start(): Promise<void> {
    await this.#put("soak", source);
    // Everything below waits for the end.
    setMaxListeners(0, this.#ended.signal);
    const call = (name: string, ms: number) => this.#every(ms, () => this.#call(name));
    this.#running = Promise.all([
      this.#every(5, (n) => this.#twice(n)),
      this.#every(5, (n) => this.#twice(n)),
      ...[call("trap", 50), call("swallow", 1_000), call("grow", 200), call("say", 100), call("spin", 2_000)],
      this.#every(4_000, (n) => this.#put(`soak-${n % 5}`, `export function v(): i32 { return ${n}; }`)),
      this.#every(9_000, (n) => this.#remove(`soak-${n % 5}`)),
      this.#every(3_000, () => this.#put("soak-broken", "export function broken( {")),
      this.#every(100, (n) => this.#raw(n)),
    ]);
  }

  /** Starts no more requests; resolves when all have ended. */
  async end(): Promise<void> {
    this.#ended.abort();
    await this.#running;
  }

  async #twice(n: number): Promise<void> {
    const { text } = await this.#client.send("/fn/soak/twice", { method: "POST", body: `[${n}]`, headers: json });
    if (text !== String(2 * n)) this.wrong.push(`twice(${n}) = ${text.slice(0, 80)}`);
  }

  async #call(name: string): Promise<void> {
    const headers = { ...json, "herd-deadline-ms": "300" };
    await this.#client.send(`/fn/soak/${name}`, { method: "POST", body: "[]", headers });
  }

  async #put(app: string, text: string): Promise<void> {
    const raw = { type: "application/typescript", bytes: text };
    await this.#client.call(deployApp, { parameters: { app }, raw });
  }

  async #remove(app: string): Promise<void> {
    await this.#client.call(removeApp, { parameters: { app } });
  }

  /** A client that breaks the rules of HTTP or disconnects halfway; it waits for no answer. */
  async #raw(n: number): Promise<void> {
    const { port, hostname } = new URL(this.#node.url);
    const requests = [
      "POST /fn/soak/twice HTTP/1.1\r\nhost: x\r\ncontent-length: 8\r\ncontent-length: 7\r\n\r\n[1]",
      "POST /fn/soak/twice HTTP/1.1\r\nhost: x\r\ntransfer-encoding: Chunked\r\n\r\n3\r\n[1]\r\n",
      "POST /fn/soak/twice HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n[",
      "GET /fn/soak/twice?n=1 HTTP/1.1\r\nhost: x",
      "\u0000\u0001\u0002",
      "GET / HTTP/1.1\r\nhost: x\r\n\r\n",
    ];
    const socket = connect({ port: Number(port), host: hostname, ca: this.#node.ca, servername: "localhost" });
    await new Promise<void>((resolve) => {
      socket.once("error", () => resolve());
      socket.once("close", () => resolve());
      socket.once("secureConnect", () => {
        socket.write(requests[n % requests.length] ?? "");
        setTimeout(() => socket.destroy(), 20 + (n % 7) * 30);
      });
    });
  }

  async #every(ms: number, act: (n: number) => Promise<void>): Promise<void> {
    const { signal } = this.#ended;
    for (let n = 0; !signal.aborted; n++) {
      const outcome = await act(n).then(
        () => "ok",
        (error: unknown) => (error instanceof ProblemError ? error.document.code : "unreachable"),
      );
      this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
      if (outcome !== "ok" && !expected.has(outcome)) this.wrong.push(outcome);
      await sleep(ms, undefined, { signal }).catch(() => undefined);
    }
  }
}
