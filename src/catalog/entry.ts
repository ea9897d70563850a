// An app as a node has it: its kept revisions, and the target of a rollback.

import type { AppRecord, RevisionRecord } from "./model.js";

/** A kept revision with its blobs: SHA-256, in hex, of its component and of its encoded source. */
export interface RevisionEntry extends RevisionRecord {
  readonly component: string;
  readonly source: string;
  /** The revision that was current when this one was deployed: the target of a rollback. */
  readonly before?: string | undefined;
}

/** An app with its kept revisions, the current one among them. */
export interface AppEntry {
  readonly app: string;
  readonly public: boolean;
  readonly revision: string;
  readonly revisions: readonly RevisionEntry[];
}

/** The revision's name for a component's SHA-256 (hex). */
export function revisionOf(digest: string): string {
  return digest.slice(0, 12);
}

/** The revision that a deploy of `revision` replaces: the target of a rollback from it. */
export function replacedBy(entry: AppEntry | undefined, revision: string): string | undefined {
  if (entry === undefined || entry.revision !== revision) return entry?.revision;
  return entry.revisions.find((other) => other.revision === revision)?.before;
}

/**
 * The target of a rollback: `revision`; without it, the revision that was current before the current one was deployed,
 * else the next older one. `undefined` when there is no such revision.
 */
export function rollbackEntry(entry: AppEntry, revision?: string): RevisionEntry | undefined {
  const target = revision ?? revisionBefore(entry);
  return entry.revisions.find((other) => other.revision === target);
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
  // The replaced revision may have been dropped since.
  const kept = entry.revisions.some((other) => other.revision === before);
  return kept ? before : entry.revisions[index - 1]?.revision;
}
