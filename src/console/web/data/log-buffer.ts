// The newest log lines in the page: bounded, without lines that a reconnection repeats, held still on request.

import { type LogLine, logLineOf } from "../../../api/logs.ts";
import { readable } from "./readable.ts";

/** Which lines are shown; empty fields mean all. `level` is the lowest that is shown. */
export interface LogFilter {
  readonly app: string;
  readonly node: string;
  readonly level: string;
  readonly words: string;
}

/** A line with its number in the order of arrival. */
export interface NumberedLine extends LogLine {
  readonly number: number;
}

/** Levels of log lines, the lowest first. */
export const levels: readonly string[] = ["trace", "debug", "info", "warn", "error"];

/** As many as the node keeps. */
const capacity = 10_000;

/** Lines in the order of their arrival. */
export class LogBuffer {
  readonly capacity: number = capacity;
  #lines: NumberedLine[] = [];
  #count = 0;
  #changed = false;
  /** The lines on show while the buffer is held still: no line that arrives pushes these out. */
  #held: readonly NumberedLine[] | undefined;
  #heldAt = 0;
  /** After a reconnection: the lines from before it, as JSON. The node sends the newest lines again. */
  #known = new Set<string>();
  #repeating = false;

  /** Lines that arrived while the buffer is held still. */
  get heldBack(): number {
    return this.#held === undefined ? 0 : this.#count - this.#heldAt;
  }

  /** Takes a line of JSON. An empty line is a heartbeat: the first ends the lines that the node repeats. */
  add(json: string): void {
    if (json === "") {
      this.#repeating = false;
      this.#known.clear();
      return;
    }
    const line = lineOf(json);
    if (line === undefined || (this.#repeating && this.#known.has(JSON.stringify(line)))) return;
    this.#lines.push({ ...line, number: ++this.#count });
    this.#changed = true;
    // In large steps: moving ten thousand lines for each that arrives would be slow.
    if (this.#lines.length > capacity * 1.2) this.#lines = this.#lines.slice(-capacity);
  }

  /** The stream has opened again: its first lines may be here already. */
  reopened(): void {
    this.#known = new Set(this.#lines.map(({ number: _, ...line }) => JSON.stringify(line)));
    this.#repeating = true;
  }

  /** Whether a line arrived since the last call of this method. */
  takeChanged(): boolean {
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }

  /** Holds the shown lines still, or releases them. */
  hold(on: boolean): void {
    this.#held = on ? this.#lines.slice(-capacity) : undefined;
    this.#heldAt = this.#count;
  }

  /** The lines that match. */
  select({ app, node, level, words }: LogFilter, { held }: { readonly held: boolean }): readonly NumberedLine[] {
    const all = (held ? this.#held : undefined) ?? this.#lines.slice(-capacity);
    const least = levels.indexOf(level);
    const wanted = words.trim().toLowerCase();
    if (app === "" && node === "" && least <= 0 && wanted === "") return all;
    return all.filter(
      (line) =>
        (app === "" || line.app === app) &&
        (node === "" || line.node === node) &&
        levels.indexOf(line.level) >= least &&
        (wanted === "" || line.message.toLowerCase().includes(wanted)),
    );
  }
}

/**
 * The line, its fields in the order of the contract; undefined for a line that the page cannot read, which the frame of
 * the page reports.
 */
function lineOf(json: string): LogLine | undefined {
  try {
    return readable("GET /v1/logs", () => logLineOf(json));
  } catch {
    return undefined;
  }
}
