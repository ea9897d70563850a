// What nodes tell each other of functions' work, so that one that never ran a function knows how heavy it is.

import type { Timers } from "../../core/timers.js";
import type { From, Link, Links } from "../../mesh/ports.js";
import { isCount, isRevision } from "../peer-values.js";
import type { FunctionWork } from "./function-work.js";
import type { WorkTable } from "./work-table.js";

/** What {@link WorkNotifier} works with. */
export interface WorkNotifierOptions {
  readonly links: Links;
  readonly table: WorkTable;
  readonly timers: Timers;
}

/** One tell goes out so often while there is something to tell, with so many estimates at most: 64 a second. */
const everyMs = 250;
const perTell = 16;
/** Estimates that are read from one tell. */
const maxEstimates = 64;
/** An estimate is told again when it changed by this share. */
const worthTelling = 0.2;
const leastUnits = 1e-6;
const maxUnits = 1e9;
const maxName = 1_024;

/** Tells what this node learned, and learns what peers tell. */
export class WorkNotifier {
  readonly #options: WorkNotifierOptions;
  readonly #changed = new Set<FunctionWork>();
  /** What those that have just come are still to be told. */
  readonly #backlogs = new Map<Link, FunctionWork[]>();
  #cancel: (() => void) | undefined;
  #end: (() => void) | undefined;
  #stopped = false;

  constructor(options: WorkNotifierOptions) {
    this.#options = options;
  }

  /** Listens and tells. Call it before the links start. */
  start(): void {
    if (this.#end !== undefined || this.#stopped) return;
    const { links } = this.#options;
    links.handle("work", (body, from) => this.#heard(body, from));
    const ended = (link: Link): void => void this.#backlogs.delete(link);
    this.#end = links.watch({ opened: (link) => this.#opened(link), ended });
  }

  /** Tells no more. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#end?.();
    this.#backlogs.clear();
  }

  /** Something was learned of this function; told when it is worth it. */
  changed(work: FunctionWork): void {
    const { ownUnits, toldUnits } = work;
    if (Math.abs(ownUnits - toldUnits) < worthTelling * toldUnits || ownUnits === 0) return;
    this.#changed.add(work);
    this.#arm();
  }

  #opened(link: Link): void {
    const known = [...this.#options.table.all()].filter(({ ownUnits }) => ownUnits > 0);
    if (known.length === 0) return;
    this.#backlogs.set(link, known);
    this.#arm();
  }

  #arm(): void {
    if (this.#cancel !== undefined || this.#stopped) return;
    this.#cancel = this.#options.timers.after(everyMs, () => {
      this.#cancel = undefined;
      this.#tell();
      if (this.#changed.size > 0 || this.#backlogs.size > 0) this.#arm();
    });
  }

  #tell(): void {
    const news: FunctionWork[] = [];
    for (const work of this.#changed) {
      if (news.length >= perTell) break;
      this.#changed.delete(work);
      work.toldUnits = work.ownUnits;
      news.push(work);
    }
    for (const link of this.#options.links.all()) {
      const backlog = this.#backlogs.get(link);
      const old = backlog?.splice(0, perTell - news.length) ?? [];
      if (backlog?.length === 0) this.#backlogs.delete(link);
      const told = [...news, ...old].map(encode);
      if (told.length > 0) link.notify("work", told);
    }
  }

  #heard(body: unknown, { peer: { nodeId } }: From): void {
    if (!Array.isArray(body)) return;
    for (const entry of (body as unknown[]).slice(0, maxEstimates)) {
      if (!Array.isArray(entry) || entry.length !== 4) continue;
      const [revision, name, units, samples] = entry as unknown[];
      if (!isRevision(revision) || typeof name !== "string" || name.length > maxName) continue;
      if (!isCount(samples) || typeof units !== "number" || !(units >= leastUnits && units <= maxUnits)) continue;
      this.#options.table.hear({ revision, name }, { units, samples, by: nodeId });
    }
  }
}

function encode({ revision, name, ownUnits, samples }: FunctionWork): unknown[] {
  return [revision, name, Math.max(leastUnits, Math.min(ownUnits, maxUnits)), Math.min(samples, maxUnits)];
}
