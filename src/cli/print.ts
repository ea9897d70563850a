// What commands put on stdout: one JSON value, or lines for people.

import { printable } from "../core/terminal-text.js";

/** Prints one JSON value. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** What is said of a change that holds and that a full disk has not taken. */
export const notDurable = "; the node's disk takes no more: it holds in memory, and is written when there is room";

/** Prints a line of data. */
export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Tells something that is no data: on stderr. */
export function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** How this command line is started again: from a clone through npm, as it was. */
export function commandName(): string {
  return process.env.npm_command === undefined ? "herd" : "npx herd";
}

/** Prints rows in columns as wide as their widest cell. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const safe = rows.map((row) => row.map(printable));
  const widths: number[] = [];
  for (const row of safe) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  for (const row of safe) {
    const cells = row.map((cell, index) => cell.padEnd(widths[index] ?? 0));
    printLine(cells.join("  ").trimEnd());
  }
}
