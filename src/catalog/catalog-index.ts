// The index of the catalog as bytes. It is authenticated where it is stored; its shape is checked here all the same.

import { isAppName } from "../core/app-name.js";
import type { AppEntry, RevisionEntry } from "./entry.js";
import { revisionOf } from "./entry.js";

const version = 1;

/** The index as JSON text. */
export function encodeIndex(apps: Iterable<AppEntry>): string {
  return JSON.stringify({ version, apps: [...apps] });
}

/** The apps of an index. Throws `SyntaxError` saying what is wrong with it. */
export function decodeIndex(bytes: Uint8Array): AppEntry[] {
  const index = JSON.parse(Buffer.from(bytes).toString("utf8")) as unknown;
  if (!isObject(index) || index.version !== version || !Array.isArray(index.apps)) {
    throw new SyntaxError(`it is not a catalog index of version ${version}`);
  }
  return index.apps.map((app: unknown) => {
    if (!isAppEntry(app)) throw new SyntaxError("it has an app that is not well-formed");
    return app;
  });
}

function isAppEntry(value: unknown): value is AppEntry {
  if (!isObject(value) || typeof value.app !== "string" || !isAppName(value.app)) return false;
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
