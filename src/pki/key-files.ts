// uWebSockets reads certificate and key from files, once: they exist for that moment only.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PublicLeaf } from "./public-leaf.js";

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
  const directory = await mkdtemp(join(tmpdir(), "herd-tls-"));
  try {
    const files = { cert: join(directory, "cert.pem"), key: join(directory, "key.pem") };
    await writeFile(files.cert, leaf.certificate, { mode: 0o600 });
    await writeFile(files.key, leaf.key, { mode: 0o600 });
    return await use(files);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
