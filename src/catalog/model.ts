// What the catalog holds: apps, and the immutable revisions that each of them had.

import type { SourceFile } from "../core/source-file.js";

/** One deployment of an app: first 12 hex digits of its component's SHA-256, when (RFC 3339, UTC), and by whom. */
export interface RevisionRecord {
  readonly revision: string;
  readonly at: string;
  readonly by: string;
}

/** An app: its current revision, the kept ones from oldest to newest deployment, and whether calls need no token. */
export interface AppRecord {
  readonly app: string;
  readonly revision: string;
  readonly revisions: readonly RevisionRecord[];
  readonly public: boolean;
}

/**
 * A deployment to store. Without `public` the app keeps its setting; a new app is private. `functions` are the
 * interface's names.
 */
export interface Deployment {
  readonly app: string;
  readonly component: Uint8Array;
  readonly source: readonly SourceFile[];
  readonly functions: readonly string[];
  readonly by: string;
  readonly public?: boolean;
}

/** The signed manifest of a change: its record's id, and the text that spreads. */
export interface PublishedManifest {
  readonly id: string;
  readonly text: string;
}

/** Result of a deployment: `created` is true for a new app, false for a new revision. */
export interface DeploymentResult {
  readonly created: boolean;
  readonly revision: string;
  readonly manifest: PublishedManifest;
}

/** How many revisions of an app are kept; the current one always is. */
export const keptRevisions = 10;
