// What these tests share: a node as a process, watched from outside.

import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { TestContext } from "node:test";
import { type ReadyLine, readyLine } from "../../src/api/ready.js";
import { herdCommand } from "../../src/testing/herd-command.js";

/** How a node is started as a process. */
export interface ChildOptions {
  readonly flags?: readonly string[];
  /** Settings of its configuration file. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** A module, as text, that it loads before all else. */
  readonly preload?: string;
  /** What runs the command line that follows it. */
  readonly runBy?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Starts `herd up`, alone and ephemeral, on free ports; it ends with its test, and its state folder is removed. */
export function startChild(
  t: TestContext,
  { flags = [], config, preload, runBy = [], env }: ChildOptions = {},
): ChildProcessWithoutNullStreams {
  const state = mkdtempSync(join(tmpdir(), "herd-child-"));
  const up = ["up", "--json", "--ephemeral", "--port", "0", "--state", state, ...flags];
  if (config !== undefined) {
    const path = join(state, "node.json");
    writeFileSync(path, JSON.stringify(config));
    up.push("--config", path);
  }
  const loaded = preload === undefined ? [] : ["--import", `data:text/javascript,${encodeURIComponent(preload)}`];
  const [command = process.execPath, ...args] = [...runBy, process.execPath, ...loaded, herdCommand, ...up];
  const child = spawn(command, args, { env: { ...process.env, ...env } });
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "close");
    }
    rmSync(state, { recursive: true, force: true, maxRetries: 5 });
  });
  return child;
}

/** The `ready` line of `herd up --json`. Rejects when the node ends before. */
export async function readyOf(child: ChildProcess): Promise<ReadyLine> {
  return readyLine.parse(JSON.parse(await firstLine(child.stdout, (line) => line.includes('"ready"'))));
}

/** The first line from now on that the node logs with this text. */
export function lineWith(child: ChildProcess, text: string): Promise<string> {
  return firstLine(child.stderr, (line) => line.includes(text));
}

function firstLine(stream: Readable | null, isIt: (line: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    if (stream === null) throw new TypeError("the child has no such stream");
    const lines = createInterface({ input: stream });
    lines.on("line", (line) => {
      if (isIt(line)) resolve(line);
    });
    lines.once("close", () => reject(new Error("the node ended without that line")));
  });
}
