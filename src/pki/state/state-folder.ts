// The state folder itself: made when absent, its files held against its index, with the root certificate where people
// look for it.

import { mkdir, readFile, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { HerdError } from "../../core/errors.js";
import { systemTimers } from "../../core/timers.js";
import { writeFileAtomic } from "../../storage/atomic-file.js";
import { checkFiles, settleChanges } from "../../storage/check-against-index.js";
import { HeldWrites } from "../../storage/held-writes.js";
import { SealedFiles } from "../../storage/sealed-files.js";
import { sealIdOf } from "../../storage/sealer.js";
import { MemoryFiles, type StateFiles } from "../../storage/state-files.js";
import { indexFileName, type StateIndex } from "../../storage/state-index.js";
import { openStateIndex } from "./state-adoption.js";
import { openStateKey } from "./state-key.js";
import { actionFor, catalogScope, problemText } from "./state-problems.js";

/** An open state folder. */
export interface StateFolder {
  /** Files of a scope, such as `identity`; in memory for an ephemeral node. */
  files(scope: string): Promise<StateFiles>;
  /** What a full disk did not take. */
  readonly held: HeldWrites;
  /** Whether nothing is written and nothing waits to be: then another process may have the folder. */
  readonly isIdle: boolean;
  /** Writes what waits, once more, and closes what is open. */
  close(): Promise<void>;
}

/** Makes the folder (0700). Throws `internal` naming it. */
export async function makeStateFolder(path: string): Promise<void> {
  try {
    await makeEach(resolve(path));
  } catch (error) {
    throw new HerdError("internal", `${path} cannot be made: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Opens a folder whose lock the caller holds; one of a version before the index gets one. Throws `internal` naming a
 * file that is missing, damaged, older than it was, or not of this state, unless the node can get it elsewhere.
 */
export async function openStateFolder(state: string, { ephemeral }: { ephemeral: boolean }): Promise<StateFolder> {
  const held = new HeldWrites(systemTimers);
  if (ephemeral) return { held, files: async () => new MemoryFiles(), isIdle: true, close: async () => undefined };
  // Under a new key, none of what is there could be read again.
  const signs = await Promise.all(["identity", indexFileName].map((name) => exists(join(state, name))));
  const sealer = await openStateKey(state, { mustExist: signs.includes(true) }).catch(advised(state));
  const index = await openStateIndex(state, sealer).catch(advised(state));
  await settle(state, index);
  const checked = await checkFiles(state, { sealer, index, wanted: (key) => !key.startsWith(`${catalogScope}/`) });
  const bad = checked.filter((file) => file.problem !== undefined && actionFor(file) === "refuse");
  const [first, ...others] = bad;
  if (first?.problem !== undefined) {
    await index.close();
    const more =
      others.length === 0 ? "" : `, and ${others.length} other file${others.length === 1 ? " is" : "s are"} wrong`;
    const detail = `${first.path} ${problemText(first.problem)}${more}: ${advice(state)}`;
    throw new HerdError("internal", detail);
  }
  for (const { key, path, problem } of checked) {
    const duty = actionFor({ key, problem });
    if (problem === undefined || (duty !== "remake" && duty !== "take")) continue;
    index.settle(key, duty === "take" ? sealIdOf(await readFile(path)) : undefined);
  }
  return {
    held,
    files: (scope) =>
      SealedFiles.open(join(state, scope), sealer, { scope, index, held, replaceable: scope === catalogScope }),
    get isIdle() {
      return index.isIdle && held.paths().length === 0;
    },
    close: async () => {
      held.stop();
      await held.flush();
      await index.close();
    },
  };
}

function advice(state: string): string {
  return `herd doctor --state ${state} tells what to do`;
}

/**
 * Throws on what keeps a folder from being opened, with the command that explains it. The error of a full disk explains
 * itself.
 */
function advised(state: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof HerdError) || error.code !== "internal" || error.message.includes("herd doctor"))
      throw error;
    throw new HerdError("internal", `${error.message}: ${advice(state)}`, { cause: error });
  };
}

/** Writes the root certificate to a path, unless it is there; later, when the disk takes nothing. */
export async function keepCertificate(
  path: string,
  certificate: string,
  { held }: { readonly held: HeldWrites },
): Promise<void> {
  const known = await readFile(path, "utf8").catch(() => undefined);
  if (known !== certificate) await held.keep(path, () => writeFileAtomic(path, certificate, { mode: 0o644 }));
}

async function settle(state: string, index: StateIndex): Promise<void> {
  const remove = (path: string): Promise<void> => rm(path, { force: true }).catch(() => undefined);
  if (!(await settleChanges(state, { index, remove })) && !index.torn) return;
  // What is settled must not be open again at the next start. A disk that takes nothing keeps it open, as a crash does.
  await index.compact().catch(() => undefined);
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
