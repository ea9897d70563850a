// A node as a process of its own, started through the command line as a person would.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { type ReadyLine, readyLine } from "../api/ready.js";
import { Client, type SeenAnswer } from "../client/client.js";
import { tryParseJson } from "../core/json.js";
import { herdCommand } from "./herd-command.js";

/** A node that was started and may not serve yet. */
export interface LaunchedNode {
  /** The last lines that it wrote on standard error. */
  readonly lines: readonly string[];
  /** Resolves when it serves; rejects with its last lines when it ends before. */
  readonly serving: Promise<NodeProcess>;
  /** Its exit code, once it ended. */
  readonly exited: Promise<number | null>;
  readonly kill: () => void;
}

/** How a node is launched, where it differs from `herd` in this process's environment. */
export interface LaunchOptions {
  /** Stands in for the `herd` command. */
  readonly script?: string;
  /** A command that becomes the one which follows it, such as `nsenter … --`. */
  readonly prefix?: readonly string[];
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Receives each answer that clients of the node get: tests check it against the contract. */
  readonly onAnswer?: ((answer: SeenAnswer) => void) | undefined;
}

/** How many of a node's last log lines are kept. */
const keptLines = 200;

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
  readonly #onAnswer: LaunchOptions["onAnswer"];

  private constructor(
    child: ChildProcess,
    facts: Pick<NodeProcess, "ready" | "startMs" | "lines" | "exited"> & Pick<LaunchOptions, "onAnswer">,
  ) {
    this.#child = child;
    this.#onAnswer = facts.onAnswer;
    this.ready = facts.ready;
    this.startMs = facts.startMs;
    this.lines = facts.lines;
    this.exited = facts.exited;
  }

  /** Runs `herd up --json` with these flags; resolves when it serves, rejects with its last lines when it does not. */
  static start(flags: readonly string[], options: LaunchOptions = {}): Promise<NodeProcess> {
    return NodeProcess.launch(flags, options).serving;
  }

  /** As {@link start}, for a node that may wait for a person, or refuse to start. */
  static launch(flags: readonly string[], options: LaunchOptions = {}): LaunchedNode {
    const { script = herdCommand, prefix = [], env, onAnswer } = options;
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
        const { success, data } = readyLine.safeParse(tryParseJson(line));
        if (!success) throw new Error(`a node did not start: ${line}`);
        return new NodeProcess(child, { ready: data, startMs: performance.now() - began, lines, exited, onAnswer });
      }
      await exited;
      throw new Error(`a node ended before it was ready: ${lines.slice(-5).join("\n")}`);
    };
    const serving = serve();
    // A caller that awaits only the exit leaves this rejection unhandled.
    serving.catch(() => undefined);
    return { lines, serving, exited, kill: () => child.kill("SIGKILL") };
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** A client that trusts the mesh's root. */
  client(token: string | undefined): Client {
    return new Client({ url: new URL(this.ready.url), token, ca: this.ca, onAnswer: this.#onAnswer });
  }

  /** The mesh's root certificate in PEM. */
  get ca(): string {
    return readFileSync(this.ready.ca, "utf8");
  }

  /** Ends it in order; resolves to its exit code. */
  async stop(): Promise<number | null> {
    return this.#end("SIGTERM");
  }

  /** Stops the process with SIGSTOP: its connections stay open, and no request is answered. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  /** Continues a frozen node (SIGCONT). */
  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  /** Kills it (SIGKILL), as a power cut would. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const ended = once(child, "exit");
    child.kill(signal);
    // A stopped process handles the signal only once it runs again.
    this.thaw();
    await ended;
    return child.exitCode;
  }
}

/** Runs a command of `herd` against the node of a state folder; resolves to its standard output. */
export async function runHerd(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [herdCommand, ...args], { stdio: ["ignore", "pipe", "pipe"] });
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
