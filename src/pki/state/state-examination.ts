// A state folder looked at while no node runs on it: each file, and what is wrong. Nothing in it is changed.

import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../../core/usage-error.js";
import { checkFiles, pathOf, presentKeys } from "../../storage/check-against-index.js";
import { openSealed, sealedSuffix } from "../../storage/sealed-files.js";
import { Sealer, sealingKeyBytes } from "../../storage/sealer.js";
import { indexFileName, StateIndex } from "../../storage/state-index.js";
import { StateLock } from "./state-lock.js";
import { problemText, remedyOf } from "./state-problems.js";

const keyFileName = "state.key";

/** A file as `herd doctor` shows it: its path in the folder, what is wrong, and what to do. */
interface ExaminedFile {
  readonly file: string;
  readonly problem: string | null;
  readonly remedy: string | null;
}

/**
 * Examines a folder. Throws `UsageError` when no node ever had its state there, and `internal` naming the process while
 * one runs on it.
 */
export async function examineState(state: string): Promise<ExaminedFile[]> {
  const keys = await presentKeys(state).catch(() => []);
  const started = await Promise.all([keyFileName, indexFileName].map((name) => exists(join(state, name))));
  if (keys.length === 0 && !started.includes(true)) throw new UsageError(`no node has its state in ${state}`);
  const lock = await StateLock.acquire(state);
  try {
    return await examine(state, keys);
  } finally {
    lock.release();
  }
}

async function examine(state: string, keys: readonly string[]): Promise<ExaminedFile[]> {
  const key = await readFile(join(state, keyFileName)).catch(() => undefined);
  if (key?.length !== sealingKeyBytes) {
    const problem = key === undefined ? "is missing" : "is damaged";
    return [{ file: keyFileName, problem, remedy: `${restoreKey}; without it no other file here can be read` }];
  }
  const good: ExaminedFile = { file: keyFileName, problem: null, remedy: null };
  const sealer = new Sealer(key);
  const isMaster = await holdsMasterKeys(state, sealer);
  const index = await openIndex(state, sealer);
  if (!(index instanceof StateIndex)) return [good, index, ...(await without(state, { keys, sealer }))];
  const checked = await checkFiles(state, { sealer, index });
  await index.close();
  const files = checked.map(({ key, problem }) => ({
    file: key + sealedSuffix,
    problem: problem === undefined ? null : problemText(problem),
    remedy: problem === undefined ? null : remedyOf({ key, problem }, { isMaster }),
  }));
  return [good, { file: indexFileName, problem: null, remedy: null }, ...files];
}

const restoreKey = "restore it from where it is kept";
const restoreWhole =
  "restore the whole folder from the newest backup; without one, revoke this node and let it join anew in " +
  "an empty folder, or found the mesh anew";

async function openIndex(state: string, sealer: Sealer): Promise<StateIndex | ExaminedFile> {
  try {
    const index = await StateIndex.open(join(state, indexFileName), sealer);
    if (index !== undefined) return index;
  } catch {
    return { file: indexFileName, problem: problemText("damaged"), remedy: restoreWhole };
  }
  const indexed = await Promise.all((await presentKeys(state)).map((key) => isIndexed(state, { key, sealer })));
  if (indexed.includes(true)) return { file: indexFileName, problem: problemText("missing"), remedy: restoreWhole };
  return { file: indexFileName, problem: null, remedy: null };
}

/** Without an index, all that can be seen of a file is whether it opens. */
async function without(
  state: string,
  { keys, sealer }: { keys: readonly string[]; sealer: Sealer },
): Promise<ExaminedFile[]> {
  return Promise.all(
    [...keys].sort().map(async (key): Promise<ExaminedFile> => {
      const opens = (await isIndexed(state, { key, sealer })) !== undefined;
      const [problem, remedy] = opens ? [null, null] : [problemText("damaged"), restoreWhole];
      return { file: key + sealedSuffix, problem, remedy };
    }),
  );
}

/** `undefined` for a file that does not open. */
async function isIndexed(
  state: string,
  { key, sealer }: { key: string; sealer: Sealer },
): Promise<boolean | undefined> {
  const sealed = await readFile(pathOf(state, key)).catch(() => undefined);
  return sealed && openSealed(sealer, sealed, key)?.indexed;
}

async function holdsMasterKeys(state: string, sealer: Sealer): Promise<boolean> {
  const key = "identity/identity";
  const sealed = await readFile(pathOf(state, key)).catch(() => undefined);
  const content = sealed && openSealed(sealer, sealed, key)?.content;
  return content !== undefined && (JSON.parse(content.toString("utf8")) as { master?: unknown }).master !== undefined;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
