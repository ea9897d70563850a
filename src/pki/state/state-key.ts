// The key of a state folder: what makes a stolen disk useless, as long as this one file is not on it.

import { randomBytes } from "node:crypto";
import { chmod, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { HerdError } from "../../core/errors.js";
import { writeFileAtomic } from "../../storage/atomic-file.js";
import { Sealer, sealingKeyBytes } from "../../storage/sealer.js";

const fileName = "state.key";

/**
 * The sealer of a state folder, its key (32 random bytes, 0600) made when absent. The caller holds the folder's lock,
 * and says whether sealed files are there: without their key, a new one would bury them. Throws `internal` naming the
 * file.
 */
export async function openStateKey(directory: string, options: { mustExist: boolean }): Promise<Sealer> {
  const path = join(directory, fileName);
  try {
    const known = await readKey(path);
    if (known !== undefined) return new Sealer(known);
    if (options.mustExist) throw new HerdError("internal", `${path} is missing: without it the state cannot be read`);
    const key = randomBytes(sealingKeyBytes);
    await writeFileAtomic(path, key);
    return new Sealer(key);
  } catch (error) {
    if (error instanceof HerdError) throw error;
    throw new HerdError("internal", `${path} cannot be used: ${(error as Error).message}`, { cause: error });
  }
}

async function readKey(path: string): Promise<Buffer | undefined> {
  let key: Buffer;
  try {
    key = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  if (key.length !== sealingKeyBytes) {
    throw new HerdError("internal", `${path} is damaged: it has ${key.length} bytes instead of ${sealingKeyBytes}`);
  }
  // A copy or a volume's settings may have opened it to others. Windows has no such bits.
  if (process.platform !== "win32" && ((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o600);
  return key;
}
