// An app's history as pure functions: deploy, roll back, and which revisions stay.

import { type AppRecord, keptRevisions, type RevisionRecord } from "./model.js";

/** A kept revision with where its bytes are: SHA-256, in hex, of its component and of its encoded source. */
export interface RevisionEntry extends RevisionRecord {
  readonly component: string;
  readonly source: string;
  /** What was current when this was deployed: where a rollback goes. */
  readonly before?: string;
}

/** An app as the index stores it. */
export interface AppEntry {
  readonly app: string;
  readonly public: boolean;
  readonly revision: string;
  readonly revisions: readonly RevisionEntry[];
}

/** The revision that a component's SHA-256 (hex) gives. */
export function revisionOf(digest: string): string {
  return digest.slice(0, 12);
}

/** The app after a deployment. A revision that it already has moves to the end: nothing stands twice. */
export function deployed(
  entry: AppEntry | undefined,
  deployment: { app: string; public: boolean; revision: Omit<RevisionEntry, "before"> },
): AppEntry {
  const { revision } = deployment;
  const known = entry?.revisions.find((other) => other.revision === revision.revision);
  const before = entry === undefined || entry.revision === revision.revision ? known?.before : entry.revision;
  const others = entry?.revisions.filter((other) => other !== known) ?? [];
  const added: RevisionEntry = { ...revision, ...(before === undefined ? {} : { before }) };
  return {
    app: deployment.app,
    public: deployment.public,
    revision: revision.revision,
    revisions: [...others, added].slice(-keptRevisions),
  };
}

/**
 * The app after a rollback to `revision`; without one, to what was current before the current one was deployed, else to
 * the next older one. `undefined` when there is no such revision.
 */
export function rolledBack(entry: AppEntry, revision?: string): AppEntry | undefined {
  const target = revision ?? revisionBefore(entry);
  if (!entry.revisions.some((other) => other.revision === target)) return undefined;
  return { ...entry, revision: target as string };
}

/** The app as its readers see it. */
export function recordOf(entry: AppEntry): AppRecord {
  return Object.freeze({
    app: entry.app,
    revision: entry.revision,
    revisions: Object.freeze(entry.revisions.map(({ revision, at, by }) => Object.freeze({ revision, at, by }))),
    public: entry.public,
  });
}

function revisionBefore(entry: AppEntry): string | undefined {
  const index = entry.revisions.findIndex((other) => other.revision === entry.revision);
  const before = entry.revisions[index]?.before;
  // The one that it replaced may have been dropped since.
  const kept = entry.revisions.some((other) => other.revision === before);
  return kept ? before : entry.revisions[index - 1]?.revision;
}
