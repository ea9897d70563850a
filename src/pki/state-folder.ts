// The state folder itself: made when absent, with the root certificate in it where people and tools look for it.

import { mkdir, readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { writeFileAtomic } from "../core/atomic-file.js";
import { HerdError } from "../core/errors.js";
import { SealedFiles } from "../core/sealed-files.js";
import type { Sealer } from "../core/sealer.js";
import { MemoryFiles, type StateFiles } from "../core/state-files.js";
import { openStateKey } from "./state-key.js";

/** Makes the folder (0700). Throws `internal` naming it. */
export async function makeStateFolder(path: string): Promise<void> {
  try {
    await makeEach(resolve(path));
  } catch (error) {
    throw new HerdError("internal", `${path} cannot be made: ${(error as Error).message}`, { cause: error });
  }
}

/** Gives files by scope, such as `identity`, under the folder's key; in memory for an ephemeral node. A scope is opened once. */
export async function stateFileSource(options: {
  state: string;
  ephemeral: boolean;
  /** The scope whose presence means that the folder's key must be there. */
  scope: string;
}): Promise<(scope: string) => Promise<StateFiles>> {
  const { state, ephemeral, scope } = options;
  if (ephemeral) return async () => new MemoryFiles();
  const sealer: Sealer = await openStateKey(state, { mustExist: await exists(join(state, scope)) });
  return (name) => SealedFiles.open(join(state, name), sealer, { scope: name });
}

/** Writes the root certificate to a path, unless it is there. */
export async function keepCertificate(path: string, certificate: string): Promise<void> {
  const known = await readFile(path, "utf8").catch(() => undefined);
  if (known !== certificate) await writeFileAtomic(path, certificate, { mode: 0o644 });
}

/** One folder after the other: Node's `recursive` never ends where a folder exists and can hold none, such as /proc. */
async function makeEach(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if ((await stat(path).catch(() => undefined))?.isDirectory()) return;
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path || (await exists(parent))) throw error;
    await makeEach(parent);
    await mkdir(path, { mode: 0o700 });
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
