// Small files of proc(5) and sysfs(5), read without trusting that they are there, small, or what they should be.

import { open, readdir } from "node:fs/promises";

/** Entries of a folder that are looked at. */
const maxEntries = 256;

/** The start of a file, without white space around it; undefined when it cannot be read. */
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

/** A file's number; undefined when there is none in it. */
export async function readNumber(path: string): Promise<number | undefined> {
  const text = await readStart(path, 64);
  return text !== undefined && /^-?[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Names in a folder, in order; none when it cannot be read. */
export async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.sort().slice(0, maxEntries);
}
