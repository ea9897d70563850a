// Output of the commands: data on stdout, as one JSON value or as lines for people; notices on stderr.

import { printable } from "../core/terminal-text.js";

/** Prints one JSON value. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Prints the JSON value of an answer as the node sent it: with fields that this version does not know. */
export function printAnswer({ text }: { readonly text: string }): void {
  process.stdout.write(`${text}\n`);
}

/** The end of the notice for a change that the node holds in memory, because its disk is full. */
export const notDurable = "; the node's disk is full: the change is held in memory, and written when there is room";

/** Prints a line of data. */
export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Prints a line that is no data, on stderr. */
export function printNotice(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** The command that starts this program again: through npx when npm started it. */
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
