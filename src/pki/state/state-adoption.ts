// A state folder's index, opened; a folder of a version before there was one gets it, once (ADR 7).

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { HerdError } from "../../core/errors.js";
import { pathOf, presentKeys } from "../../storage/check-against-index.js";
import { openSealed, SealedFiles } from "../../storage/sealed-files.js";
import { type Sealer, sealIdOf } from "../../storage/sealer.js";
import { indexFileName, StateIndex } from "../../storage/state-index.js";
import { storageError } from "../../storage/storage-error.js";
import { catalogScope } from "./state-problems.js";

const identityScope = "identity";

/**
 * The index of a folder. Without one, the folder is new, or of a version before the index: then its files are taken as
 * they are, and those of the identity are sealed anew, so that from then on a missing index is a loss. Throws
 * `internal` naming the file.
 */
export async function openStateIndex(state: string, sealer: Sealer): Promise<StateIndex> {
  const path = join(state, indexFileName);
  const known = await StateIndex.open(path, sealer);
  const index = known ?? (await adopt(state, { path, sealer }));
  await sealAnew(state, { index, sealer });
  return index;
}

async function adopt(state: string, { path, sealer }: { path: string; sealer: Sealer }): Promise<StateIndex> {
  const present = new Map<string, string>();
  for (const key of await presentKeys(state)) {
    const file = pathOf(state, key);
    const sealed = await readFile(file);
    const opened = openSealed(sealer, sealed, key);
    if (opened?.indexed === true) {
      throw new HerdError(
        "internal",
        `${path} is missing, but ${file} was written with it: herd doctor --state ${state} tells what to do`,
      );
    }
    const sealing = opened && sealIdOf(sealed);
    if (sealing !== undefined) present.set(key, sealing);
    else if (!key.startsWith(`${catalogScope}/`)) {
      throw new HerdError("internal", `${file} is damaged, or was sealed under another state key`);
    }
  }
  const identity = `${identityScope}/identity`;
  const leftover = [...present.keys()].find((key) => !keyFiles.includes(key));
  if (leftover !== undefined && !present.has(identity)) {
    // Only a node that is in a mesh has more than keys.
    const there = `${pathOf(state, leftover)} is there`;
    throw new HerdError("internal", `${pathOf(state, identity)} is missing, but ${there}`);
  }
  return StateIndex.create(path, sealer, { present }).catch((error: unknown) => {
    throw storageError(error, path);
  });
}

/** What a founding or a join that was interrupted leaves behind. */
const keyFiles: readonly string[] = [`${identityScope}/root-key`, `${identityScope}/enrolled-key`];

/** Seals the identity's files as they are sealed since there is an index; those that were, stay. */
async function sealAnew(state: string, { index, sealer }: { index: StateIndex; sealer: Sealer }): Promise<void> {
  const prefix = `${identityScope}/`;
  const old: string[] = [];
  for (const key of index.keys()) {
    if (!key.startsWith(prefix)) continue;
    const sealed = await readFile(pathOf(state, key)).catch(() => undefined);
    const opened = sealed && openSealed(sealer, sealed, key);
    if (opened?.indexed === false && index.allows(key, sealIdOf(sealed ?? Buffer.alloc(0)))) {
      old.push(key.slice(prefix.length));
    }
  }
  if (old.length === 0) return;
  const files = await SealedFiles.open(join(state, identityScope), sealer, { scope: identityScope, index });
  for (const name of old) {
    const content = await files.read(name);
    if (content !== undefined) await files.write(name, content);
  }
}
