// The index of the catalog as bytes. It is authenticated where it is stored; its shape is checked here all the same.

import { isAppName } from "../core/app-name.js";
import type { AppEntry, RevisionEntry } from "./entry.js";
import { revisionOf } from "./entry.js";

const version = 1;

/** What an index holds: the apps, and the names of removed ones from the earliest removal to the latest. */
export interface CatalogIndex {
  readonly apps: readonly AppEntry[];
  readonly removed: readonly string[];
}

/** The index as JSON text. */
export function encodeIndex({ apps, removed }: CatalogIndex): string {
  return JSON.stringify({ version, apps, removed });
}

/** What an index says. Throws `SyntaxError` saying what is wrong with it. */
export function decodeIndex(bytes: Uint8Array): CatalogIndex {
  const index = JSON.parse(Buffer.from(bytes).toString("utf8")) as unknown;
  if (!isObject(index) || index.version !== version || !Array.isArray(index.apps)) {
    throw new SyntaxError(`it is not a catalog index of version ${version}`);
  }
  const apps = index.apps.map((app: unknown) => {
    if (!isAppEntry(app)) throw new SyntaxError("it has an app that is not well-formed");
    return app;
  });
  // An index that was written before removals were remembered has none.
  const removed: unknown = index.removed ?? [];
  if (!Array.isArray(removed) || !removed.every(isName)) {
    throw new SyntaxError("its removed apps are not well-formed");
  }
  return { apps, removed };
}

function isName(value: unknown): value is string {
  return typeof value === "string" && isAppName(value);
}

function isAppEntry(value: unknown): value is AppEntry {
  if (!isObject(value) || !isName(value.app)) return false;
  if (typeof value.public !== "boolean" || !Array.isArray(value.revisions)) return false;
  if (!value.revisions.every(isRevisionEntry)) return false;
  return value.revisions.some((entry: RevisionEntry) => entry.revision === value.revision);
}

function isRevisionEntry(value: unknown): value is RevisionEntry {
  return (
    isObject(value) &&
    isDigest(value.component) &&
    isDigest(value.source) &&
    value.revision === revisionOf(value.component) &&
    typeof value.at === "string" &&
    typeof value.by === "string" &&
    (value.before === undefined || typeof value.before === "string")
  );
}

function isDigest(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
