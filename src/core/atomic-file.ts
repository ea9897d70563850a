// Files that are whole or absent: a crash at any moment leaves the old content or the new, never a part.

import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { randomHex } from "./ids.js";

/** Permissions of what {@link writeFileAtomic} writes; by default the owner's alone (0600). */
export interface AtomicWriteOptions {
  readonly mode?: number;
}

/**
 * Replaces `path` by `content` durably: temporary file beside it, fsync, rename, fsync of the folder. When it resolves, the
 * content survives a power cut. A crash may leave a file whose name ends in `.tmp`: see {@link isTemporary}.
 */
export async function writeFileAtomic(
  path: string,
  content: Uint8Array | string,
  options: AtomicWriteOptions = {},
): Promise<void> {
  const temporary = `${path}.${randomHex(6)}.tmp`;
  try {
    const file = await open(temporary, "wx", options.mode ?? 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Whether a file name is a leftover of {@link writeFileAtomic} that a crash interrupted. */
export function isTemporary(name: string): boolean {
  return /\.[0-9a-f]{12}\.tmp$/.test(name);
}

/** Makes renames and removals in a folder durable. Windows cannot open a folder and orders them itself. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return;
  let folder: FileHandle | undefined;
  try {
    folder = await open(path, "r");
    await folder.sync();
  } finally {
    await folder?.close();
  }
}
