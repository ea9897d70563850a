// The active apps of this node: the revision that runs each app's calls. A switch is atomic: a call sees the old or the
// new revision.

import type { FunctionType } from "../../runtime/interface/model.js";
import type { CallableRevision } from "../../runtime/sandbox/prepared-revision.js";

/** An app as calls see it. Immutable, so a call keeps the revision with which it began. */
export interface ActiveApp {
  readonly app: string;
  /** Whether calls need no token. */
  readonly public: boolean;
  readonly prepared: CallableRevision;
  readonly functions: ReadonlyMap<string, FunctionType>;
}

/** Makes an {@link ActiveApp} of a prepared revision. */
export function activeApp(app: string, prepared: CallableRevision, options: { readonly public: boolean }): ActiveApp {
  const functions = new Map(prepared.interface.functions.map((entry) => [entry.name, entry]));
  return { app, public: options.public, prepared, functions };
}

/** Is notified of the revisions that can be called on this node. */
export interface RevisionListener {
  /** An app became active whose revision no other active app uses. */
  added(revision: string): void;
  /** The last active app with this revision is gone. */
  dropped(revision: string): void;
}

/** The active apps by name. */
export class AppRouter {
  readonly #apps = new Map<string, ActiveApp>();
  readonly #listeners = new Set<RevisionListener>();
  readonly #onRetired: (revision: string) => void;

  /**
   * `onRetired` is called with each revision that no active app uses any more. Calls on that revision may still be
   * running.
   */
  constructor(onRetired: (revision: string) => void = () => undefined) {
    this.#onRetired = onRetired;
  }

  /** The active app with that name. */
  find(app: string): ActiveApp | undefined {
    return this.#apps.get(app);
  }

  /** Number of active apps. */
  get size(): number {
    return this.#apps.size;
  }

  /** Revisions of the active apps, without duplicates. */
  revisions(): Set<string> {
    return new Set([...this.#apps.values()].map(({ prepared }) => prepared.revision));
  }

  /** Notifies `listener` of every change of {@link revisions}; the returned function ends the subscription. */
  watch(listener: RevisionListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Makes new calls of this app run on that revision. Calls that run keep theirs. */
  activate(app: string, prepared: CallableRevision, options: { readonly public: boolean }): void {
    const before = this.#apps.get(app);
    const { revision } = prepared;
    const isNew = !this.#uses(revision);
    this.#apps.set(app, activeApp(app, prepared, options));
    if (isNew) for (const listener of this.#listeners) listener.added(revision);
    this.#retire(before);
  }

  /** Makes new calls of this app fail as unknown. */
  remove(app: string): void {
    const before = this.#apps.get(app);
    this.#apps.delete(app);
    this.#retire(before);
  }

  #retire(before: ActiveApp | undefined): void {
    if (before === undefined) return;
    const { revision } = before.prepared;
    // Two apps with the same source share one revision.
    if (this.#uses(revision)) return;
    for (const listener of this.#listeners) listener.dropped(revision);
    this.#onRetired(revision);
  }

  #uses(revision: string): boolean {
    for (const active of this.#apps.values()) if (active.prepared.revision === revision) return true;
    return false;
  }
}
