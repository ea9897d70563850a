// Every sealed file of a state folder held against the folder's index: what is missing, damaged, older, or not of this
// state.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { keyOf, openSealed, sealedSuffix } from "./sealed-files.js";
import { type Sealer, sealIdOf } from "./sealer.js";
import { isStateFileName } from "./state-files.js";
import type { StateIndex } from "./state-index.js";

/**
 * What is wrong with a file: `missing`; `damaged`, or sealed under another key; `older` than what the index says was
 * last written; `unknown` to the index, so that it was put there, or the index itself is an older one.
 */
export type FileProblem = "missing" | "damaged" | "older" | "unknown";

/** A file of a state folder; its path begins with the folder's. */
export interface CheckedFile {
  readonly key: string;
  readonly path: string;
  readonly problem: FileProblem | undefined;
}

/** What a check is made with; `wanted` leaves out files by their keys. */
interface StateCheckOptions {
  readonly sealer: Sealer;
  readonly index: StateIndex;
  readonly wanted?: (key: string) => boolean;
}

/** Reads every file of a state folder, those that should be there and those that are, in the order of their keys. */
export async function checkFiles(
  directory: string,
  { sealer, index, wanted = () => true }: StateCheckOptions,
): Promise<CheckedFile[]> {
  const keys = new Set([...index.keys(), ...(await presentKeys(directory))]);
  const checked: CheckedFile[] = [];
  for (const key of [...keys].filter(wanted).sort()) {
    const path = pathOf(directory, key);
    const sealed = await readFile(path).catch(() => undefined);
    checked.push({ key, path, problem: problemOf(key, { sealed, sealer, index }) });
  }
  return checked;
}

/**
 * Brings changes that were under way when the process ended to an end: what is on disk counts when it is one of those
 * allowed.
 */
export async function settleChanges(
  directory: string,
  { index, remove }: { readonly index: StateIndex; readonly remove: (path: string) => Promise<void> },
): Promise<boolean> {
  const unsettled = index.unsettled();
  for (const key of unsettled) {
    const path = pathOf(directory, key);
    const sealed = await readFile(path).catch(() => undefined);
    const sealing = sealed && sealIdOf(sealed);
    if (!index.allows(key, sealing)) continue;
    // A removal is finished, unless the file was written anew after it.
    const isOld = index.isLeaving(key) && sealing === index.currentSeal(key);
    if (isOld && sealing !== undefined) await remove(path);
    index.settle(key, isOld ? undefined : sealing);
  }
  return unsettled.length > 0;
}

/** Keys of the sealed files that are there. */
export async function presentKeys(directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const scope of await readdir(directory, { withFileTypes: true })) {
    if (!scope.isDirectory() || !isStateFileName(scope.name)) continue;
    for (const entry of await readdir(join(directory, scope.name))) {
      const name = entry.endsWith(sealedSuffix) ? entry.slice(0, -sealedSuffix.length) : "";
      if (isStateFileName(name)) found.push(keyOf(scope.name, name));
    }
  }
  return found;
}

/** Where the file of a key is. */
export function pathOf(directory: string, key: string): string {
  return join(directory, key + sealedSuffix);
}

function problemOf(
  key: string,
  { sealed, sealer, index }: { sealed: Buffer | undefined; sealer: Sealer; index: StateIndex },
): FileProblem | undefined {
  if (sealed === undefined) return index.allows(key, undefined) ? undefined : "missing";
  const opens = openSealed(sealer, sealed, key) !== undefined;
  if (!index.has(key) && !index.allows(key, sealIdOf(sealed))) return "unknown";
  if (!opens) return "damaged";
  return index.allows(key, sealIdOf(sealed)) ? undefined : "older";
}
