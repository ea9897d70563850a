// Which revision answers a call: the active apps of this node, switched whole so that a call sees the old one or the new.

import type { AppInterface, FunctionType } from "../../runtime/interface/model.js";

/** A revision that is ready to run: compiled, checked, its interface known. The sandbox makes it. */
export interface PreparedRevision {
  readonly revision: string;
  readonly interface: AppInterface;
}

/** An app as calls see it. Immutable, so a call keeps the revision that it began with. */
export interface ActiveApp {
  readonly app: string;
  /** Whether calls need no token. */
  readonly public: boolean;
  readonly prepared: PreparedRevision;
  readonly functions: ReadonlyMap<string, FunctionType>;
}

/** Makes an {@link ActiveApp} of a prepared revision. */
export function activeApp(app: string, prepared: PreparedRevision, options: { readonly public: boolean }): ActiveApp {
  const functions = new Map(prepared.interface.functions.map((entry) => [entry.name, entry]));
  return { app, public: options.public, prepared, functions };
}

/** The active apps by name. */
export class AppRouter {
  readonly #apps = new Map<string, ActiveApp>();
  readonly #onRetired: (revision: string) => void;

  /** `onRetired` hears of each revision that no active app uses any more; calls that run on it may still be ending. */
  constructor(onRetired: (revision: string) => void = () => undefined) {
    this.#onRetired = onRetired;
  }

  /** The active app of that name. */
  find(app: string): ActiveApp | undefined {
    return this.#apps.get(app);
  }

  /** Number of active apps. */
  get size(): number {
    return this.#apps.size;
  }

  /** From now on, calls of this app run on that revision. */
  activate(next: ActiveApp): void {
    const before = this.#apps.get(next.app);
    this.#apps.set(next.app, next);
    this.#retire(before);
  }

  /** From now on, this app is unknown. */
  remove(app: string): void {
    const before = this.#apps.get(app);
    this.#apps.delete(app);
    this.#retire(before);
  }

  #retire(before: ActiveApp | undefined): void {
    if (before === undefined) return;
    const { revision } = before.prepared;
    // Two apps with the same source share one revision.
    for (const active of this.#apps.values()) if (active.prepared.revision === revision) return;
    this.#onRetired(revision);
  }
}
