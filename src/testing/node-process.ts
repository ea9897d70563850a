// A node as a process of its own, started through the command line as a person would.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Client } from "../client/client.js";

/** The `ready` line of CONTRACT.md. */
export interface ReadyLine {
  readonly url: string;
  readonly peer: string;
  readonly node: string;
  readonly mesh: string;
  readonly token?: string;
  readonly ca: string;
  readonly state: string;
}

/** A node that was started and may not serve yet. */
export interface LaunchedNode {
  /** The last lines that it wrote on standard error. */
  readonly lines: readonly string[];
  /** Resolves when it serves, rejects with what it said when it does not. */
  readonly serving: Promise<NodeProcess>;
  /** Its exit code, once it ended. */
  readonly exited: Promise<number | null>;
  readonly kill: () => void;
}

/** How a node is launched otherwise than by `herd` in this process's environment. */
export interface LaunchOptions {
  /** Stands in for the `herd` command. */
  readonly script?: string;
  /** A command that becomes the one which follows it, such as `nsenter … --`. */
  readonly prefix?: readonly string[];
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** How many of a node's last log lines are kept. */
const keptLines = 200;
const herd = fileURLToPath(new URL("../cli/main.js", import.meta.url));

/** A running node. */
export class NodeProcess {
  readonly ready: ReadyLine;
  /** From its start to its `ready` line. */
  readonly startMs: number;
  /** The last lines that it logged. */
  readonly lines: readonly string[];
  /** Its exit code, once it ended. */
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, facts: Pick<NodeProcess, "ready" | "startMs" | "lines" | "exited">) {
    this.#child = child;
    this.ready = facts.ready;
    this.startMs = facts.startMs;
    this.lines = facts.lines;
    this.exited = facts.exited;
  }

  /** Runs `herd up --json` with these flags; resolves when it serves, rejects with what it said when it does not. */
  static start(flags: readonly string[]): Promise<NodeProcess> {
    return NodeProcess.launch(flags).serving;
  }

  /** As {@link start}, for a node that may wait for somebody, or refuse to start. */
  static launch(flags: readonly string[], { script = herd, prefix = [], env }: LaunchOptions = {}): LaunchedNode {
    const began = performance.now();
    const [command = "", ...args] = [...prefix, process.execPath, script, "up", "--json", ...flags];
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env });
    const lines: string[] = [];
    createInterface({ input: child.stderr }).on("line", (line) => {
      if (lines.push(line) > keptLines) lines.shift();
    });
    const exited = once(child, "close").then(([code]) => code as number | null);
    const serve = async (): Promise<NodeProcess> => {
      for await (const line of createInterface({ input: child.stdout })) {
        const said = JSON.parse(line) as ReadyLine & { readonly event?: string };
        if (said.event !== "ready") throw new Error(`a node did not start: ${line}`);
        return new NodeProcess(child, { ready: said, startMs: performance.now() - began, lines, exited });
      }
      await exited;
      throw new Error(`a node ended before it was ready: ${lines.slice(-5).join("\n")}`);
    };
    const serving = serve();
    // Whoever waits for the exit alone need not hear of it twice.
    serving.catch(() => undefined);
    return { lines, serving, exited, kill: () => child.kill("SIGKILL") };
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** A client that trusts the mesh's root. */
  client(token: string | undefined): Client {
    return new Client({ url: new URL(this.ready.url), token, ca: this.ca });
  }

  /** The mesh's root certificate in PEM. */
  get ca(): string {
    return readFileSync(this.ready.ca, "utf8");
  }

  /** Ends it in order; resolves to its exit code. */
  async stop(): Promise<number | null> {
    return this.#end("SIGTERM");
  }

  /** Stops it in the middle of whatever it does: its connections stay, and nobody answers. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  /** Lets a frozen node go on. */
  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const ended = once(child, "exit");
    child.kill(signal);
    // A frozen node hears of nothing else.
    this.thaw();
    await ended;
    return child.exitCode;
  }
}

/** Runs a command of `herd` against the node of a state folder; resolves to its standard output. */
export async function runHerd(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [herd, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const streams = [child.stdout, child.stderr].map(async (stream) => {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString("utf8");
  });
  const ended = once(child, "close");
  const [output = "", errors = ""] = await Promise.all(streams);
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw new Error(`herd ${args.join(" ")} ended with ${code}: ${errors.trim()}`);
  return output;
}
