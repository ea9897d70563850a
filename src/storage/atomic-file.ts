// Files that are whole or absent: a crash at any moment leaves the old content or the new, never a part.

import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { randomHex } from "../core/ids.js";
import { disk } from "./disk.js";

/** How {@link writeFileAtomic} writes. */
interface AtomicWriteOptions {
  /** Permissions; by default the owner's alone (0600). */
  readonly mode?: number;
  /**
   * What must have come true before the new content takes the old one's place; while it is awaited, the content is
   * written.
   */
  readonly ready?: Promise<void>;
}

/**
 * Replaces `path` by `content` durably: temporary file beside it, fsync, rename, fsync of the folder. When it resolves,
 * the content survives a power cut. A crash may leave a file whose name ends in `.tmp`: see {@link isTemporary}.
 */
export async function writeFileAtomic(
  path: string,
  content: Uint8Array | string,
  options: AtomicWriteOptions = {},
): Promise<void> {
  const temporary = `${path}.${randomHex(6)}.tmp`;
  try {
    await Promise.all([writeDurably(temporary, content, options.mode ?? 0o600), options.ready]);
    await rename(temporary, path);
  } catch (error) {
    await options.ready?.catch(() => undefined);
    // A disk that takes nothing may not remove a file either: the first failure is the one to throw.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncDirectory(dirname(path));
}

async function writeDurably(path: string, content: Uint8Array | string, mode: number): Promise<void> {
  disk.beforeWrite(path, Buffer.byteLength(content));
  const file = await open(path, "wx", mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
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
