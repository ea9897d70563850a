// The last log lines in the page: bounded, without what came twice after a reconnection, held still on request.

import type { LogLine } from "./shapes.ts";

/** Which lines to show; empty fields mean all. `level` is the least that counts. */
export interface LogFilter {
  readonly app: string;
  readonly node: string;
  readonly level: string;
  readonly words: string;
}

/** A line with a number of its own. */
export interface NumberedLine extends LogLine {
  readonly number: number;
}

const levels = ["trace", "debug", "info", "warn", "error"];

/** As many as the node keeps. */
const capacity = 10_000;

/** Lines in the order of their arrival. */
export class LogBuffer {
  readonly capacity: number = capacity;
  #lines: NumberedLine[] = [];
  #count = 0;
  #changed = false;
  /** What is shown while it is held still: nothing that arrives pushes it out. */
  #held: readonly NumberedLine[] | undefined;
  #heldAt = 0;
  /** Lines of the newest moments before a reconnection: the node tells them again. */
  #known = new Set<string>();
  #again = false;

  /** Lines that arrived since it is held still. */
  get heldBack(): number {
    return this.#held === undefined ? 0 : this.#count - this.#heldAt;
  }

  /** Takes a line of JSON; an empty one says that what was kept has been told. */
  add(json: string): void {
    if (json === "") {
      this.#again = false;
      this.#known.clear();
      return;
    }
    if (this.#again && this.#known.has(json)) return;
    this.#lines.push({ ...(JSON.parse(json) as LogLine), number: ++this.#count });
    this.#changed = true;
    // In large steps: moving ten thousand lines for each that comes would be slow.
    if (this.#lines.length > capacity * 1.2) this.#lines = this.#lines.slice(-capacity);
  }

  /** The stream opened anew: what it tells first may be here already. */
  reopened(): void {
    this.#known = new Set(this.#lines.map(({ number: _, ...line }) => JSON.stringify(line)));
    this.#again = true;
  }

  /** Whether something arrived since the last time that this was asked. */
  takeChanged(): boolean {
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }

  /** Holds what is shown still, or lets it go on. */
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
