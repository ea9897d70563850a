// History of one app from its manifests: which of them still matter, and the app that they make.

import type { AppEntry, RevisionEntry } from "./entry.js";
import type { ManifestRecord, RevisionManifest } from "./manifest.js";
import { compareManifests } from "./manifest-order.js";
import { keptRevisions } from "./model.js";

/** A record whose manifest brings a revision. */
export type RevisionManifestRecord = ManifestRecord & { readonly manifest: RevisionManifest };

/**
 * The manifests of one app that carry the information of the whole set, from the lowest to the highest: the highest
 * removal; above it the highest deploy of each revision, for the {@link keptRevisions} highest; and the highest
 * manifest of all. Nodes may drop the others at any time and still agree: `kept(kept(a) ∪ b) = kept(a ∪ b)` for all
 * sets, in any order.
 */
export function kept(records: readonly ManifestRecord[]): ManifestRecord[] {
  const { removal, above } = split(records);
  const result = new Map<string, ManifestRecord>();
  if (removal !== undefined) result.set(removal.id, removal);
  for (const record of deploysOf(above).slice(-keptRevisions)) result.set(record.id, record);
  const highest = above.at(-1);
  if (highest !== undefined) result.set(highest.id, highest);
  return [...result.values()].sort(compareManifests);
}

/**
 * The app that a set of manifests makes, `undefined` when it was removed or never deployed. The highest manifest
 * decides the current revision. The app's revisions are the highest deploys of each, ten at most, the current one among
 * them. `counts` leaves out manifests whose component lost its revision's name to another component.
 */
export function appOf(
  records: readonly ManifestRecord[],
  counts: (record: RevisionManifestRecord) => boolean = () => true,
): AppEntry | undefined {
  const above = split(records).above.filter(counts);
  const current = above.at(-1)?.manifest;
  if (current === undefined) return undefined;
  const deploys = deploysOf(above).slice(-keptRevisions);
  const present = deploys.some(({ manifest }) => manifest.revision === current.revision);
  // A rollback may have gone to a revision that a deploy elsewhere pushed out at the same time: its own manifest has
  // all data.
  const revisions = present
    ? deploys.map(({ manifest }) => manifest)
    : [current, ...deploys.slice(1 - keptRevisions).map(({ manifest }) => manifest)];
  return {
    app: current.app,
    public: current.public,
    revision: current.revision,
    revisions: revisions.map(entryOf),
  };
}

function entryOf(manifest: RevisionManifest): RevisionEntry {
  const { revision, at, by, component, source, before } = manifest;
  return { revision, at: new Date(at).toISOString(), by, component, source, before };
}

/** The highest removal, and the manifests above it in order. */
function split(records: readonly ManifestRecord[]): {
  readonly removal: ManifestRecord | undefined;
  readonly above: readonly RevisionManifestRecord[];
} {
  const sorted = [...new Map(records.map((record) => [record.id, record])).values()].sort(compareManifests);
  const index = sorted.findLastIndex(({ manifest }) => manifest.op === "remove");
  return { removal: sorted[index], above: sorted.slice(index + 1).filter(bringsRevision) };
}

/** The highest deploy of each revision, in order. */
function deploysOf(ordered: readonly RevisionManifestRecord[]): RevisionManifestRecord[] {
  const latest = new Map<string, RevisionManifestRecord>();
  for (const record of ordered) {
    if (record.manifest.op !== "deploy") continue;
    // Deleted first, so that the map has the order of the latest deploys.
    latest.delete(record.manifest.revision);
    latest.set(record.manifest.revision, record);
  }
  return [...latest.values()];
}

/** Whether a record brings a revision. */
export function bringsRevision(record: ManifestRecord): record is RevisionManifestRecord {
  return record.manifest.op !== "remove";
}
