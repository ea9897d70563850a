// Notifications of functions' work between nodes, so that a node that never ran a function knows how heavy it is.

import type { Timers } from "../../core/timers.js";
import type { From, Link, Links } from "../../mesh/ports.js";
import { isCount, isRevision } from "../peer-values.js";
import type { FunctionWork } from "./function-work.js";
import type { WorkTable } from "./work-table.js";

/** Dependencies of {@link WorkNotifier}. */
export interface WorkNotifierOptions {
  readonly links: Links;
  readonly table: WorkTable;
  readonly timers: Timers;
}

/**
 * While estimates changed, one notification goes out in this time, in milliseconds, with this many estimates at most:
 * 64 estimates a second.
 */
const everyMs = 250;
const perNotification = 16;
/** Estimates that are read from one notification. */
const maxEstimates = 64;
/** An estimate is sent again when it changed by this share. Less keeps peers closer; more sends less. */
const changedShare = 0.2;
const leastUnits = 1e-6;
const maxUnits = 1e9;
const maxName = 1_024;

/** Sends this node's estimates to peers, and receives theirs. */
export class WorkNotifier {
  readonly #options: WorkNotifierOptions;
  readonly #changed = new Set<FunctionWork>();
  /** Estimates that are still to be sent over links that have just opened. */
  readonly #backlogs = new Map<Link, FunctionWork[]>();
  #cancel: (() => void) | undefined;
  #end: (() => void) | undefined;
  #stopped = false;

  constructor(options: WorkNotifierOptions) {
    this.#options = options;
  }

  /** Registers the handler and watches the links. To be called before the links start. */
  start(): void {
    if (this.#end !== undefined || this.#stopped) return;
    const { links } = this.#options;
    links.handle("work", (body, from) => this.#estimates(body, from));
    const ended = (link: Link): void => void this.#backlogs.delete(link);
    this.#end = links.watch({ opened: (link) => this.#opened(link), ended });
  }

  /** Ends all notifications. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#end?.();
    this.#backlogs.clear();
  }

  /** Plans a notification of this function's estimate when it changed enough. */
  changed(work: FunctionWork): void {
    const { ownUnits, notifiedUnits } = work;
    if (Math.abs(ownUnits - notifiedUnits) < changedShare * notifiedUnits || ownUnits === 0) return;
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
      this.#notify();
      if (this.#changed.size > 0 || this.#backlogs.size > 0) this.#arm();
    });
  }

  #notify(): void {
    const changed: FunctionWork[] = [];
    for (const work of this.#changed) {
      if (changed.length >= perNotification) break;
      this.#changed.delete(work);
      work.notifiedUnits = work.ownUnits;
      changed.push(work);
    }
    for (const link of this.#options.links.all()) {
      const backlog = this.#backlogs.get(link);
      const old = backlog?.splice(0, perNotification - changed.length) ?? [];
      if (backlog?.length === 0) this.#backlogs.delete(link);
      const body = [...changed, ...old].map(encode);
      if (body.length > 0) link.notify("work", body);
    }
  }

  #estimates(body: unknown, { peer: { nodeId } }: From): void {
    if (!Array.isArray(body)) return;
    for (const entry of (body as unknown[]).slice(0, maxEstimates)) {
      if (!Array.isArray(entry) || entry.length !== 4) continue;
      const [revision, name, units, samples] = entry as unknown[];
      if (!isRevision(revision) || typeof name !== "string" || name.length > maxName) continue;
      if (!isCount(samples) || typeof units !== "number" || !(units >= leastUnits && units <= maxUnits)) continue;
      this.#options.table.addEstimate({ revision, name }, { units, samples, by: nodeId });
    }
  }
}

function encode({ revision, name, ownUnits, samples }: FunctionWork): unknown[] {
  return [revision, name, Math.max(leastUnits, Math.min(ownUnits, maxUnits)), Math.min(samples, maxUnits)];
}
