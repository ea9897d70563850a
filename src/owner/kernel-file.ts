// Reads small files of proc(5) and sysfs(5), each of which may be missing, large or malformed.

import { open, readdir } from "node:fs/promises";

/** The most entries of a folder that are read. */
const maxEntries = 256;

/** The start of a file, trimmed; undefined when the file cannot be read. */
export async function readStart(path: string, limitBytes = 4_096): Promise<string | undefined> {
  try {
    const file = await open(path, "r");
    try {
      const { bytesRead, buffer } = await file.read({ buffer: Buffer.allocUnsafe(limitBytes), position: 0 });
      return buffer.toString("latin1", 0, bytesRead).trim();
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

/** The whole number in a file; undefined when the file holds none. */
export async function readNumber(path: string): Promise<number | undefined> {
  const text = await readStart(path, 64);
  return text !== undefined && /^-?[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Names in a folder, sorted; none when the folder cannot be read. */
export async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.sort().slice(0, maxEntries);
}
