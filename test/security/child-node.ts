// What these tests share: a node as a process, watched from outside.

import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { ReadyLine } from "../../src/cli/experiment/node-process.js";

/** The `ready` line of `herd up --json`. Rejects when the node ends before. */
export async function readyOf(child: ChildProcess): Promise<ReadyLine> {
  return JSON.parse(await firstLine(child.stdout, (line) => line.includes('"ready"'))) as ReadyLine;
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
