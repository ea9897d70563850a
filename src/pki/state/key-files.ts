// uWebSockets reads certificate and key from files, once: they exist for that moment only.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { disk } from "../../storage/disk.js";
import { storageError } from "../../storage/storage-error.js";
import type { PublicLeaf } from "../x509/public-leaf.js";

/** Paths of a certificate chain and its key, in PEM. */
export interface KeyFiles {
  readonly cert: string;
  readonly key: string;
}

/** Calls `use` with the leaf in files of a fresh folder (0700) and removes them when its promise settles. */
export async function withKeyFiles<Result>(
  leaf: Pick<PublicLeaf, "certificate" | "key">,
  use: (files: KeyFiles) => Promise<Result>,
): Promise<Result> {
  const { directory, files } = await written(leaf);
  try {
    return await use(files);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

interface Written {
  readonly directory: string;
  readonly files: KeyFiles;
}

/**
 * In the first of the places that takes them: a disk that is full takes no file of the system's temporary folder
 * either.
 */
async function written(leaf: Pick<PublicLeaf, "certificate" | "key">): Promise<Written> {
  let failure: unknown;
  for (const place of [tmpdir(), "/dev/shm"]) {
    try {
      return await writtenIn(place, leaf);
    } catch (error) {
      failure ??= storageError(error, join(place, "cert.pem"));
    }
  }
  throw failure;
}

async function writtenIn(
  place: string,
  { certificate, key }: Pick<PublicLeaf, "certificate" | "key">,
): Promise<Written> {
  const directory = await mkdtemp(join(place, "herd-tls-"));
  const files = { cert: join(directory, "cert.pem"), key: join(directory, "key.pem") };
  try {
    for (const [path, content] of [
      [files.cert, certificate],
      [files.key, key],
    ] as const) {
      disk.beforeWrite(path, content.length);
      await writeFile(path, content, { mode: 0o600 });
    }
    return { directory, files };
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}
