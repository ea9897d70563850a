// Which of two manifests of one app counts: the same answer at every node.

import { type ManifestRecord, maxVersion } from "./manifest.js";

/**
 * Order of two manifests of one app: the one that counts comes later. First the higher version, then the later time,
 * then the higher record id: a total order and the same everywhere, so that deploys which met at two nodes settle the
 * same on all.
 */
export function compareManifests(left: ManifestRecord, right: ManifestRecord): number {
  return (
    left.manifest.version - right.manifest.version ||
    left.manifest.at - right.manifest.at ||
    (left.id < right.id ? -1 : left.id > right.id ? 1 : 0)
  );
}

/**
 * Version and time of the change that follows `highest`, so that it counts over every manifest that this node knows.
 */
export function nextTurn(highest: ManifestRecord | undefined, now: number): { version: number; at: number } {
  const version = Math.min((highest?.manifest.version ?? 0) + 1, maxVersion);
  const at = highest?.manifest.version === version ? Math.max(now, highest.manifest.at + 1) : now;
  return { version, at };
}
