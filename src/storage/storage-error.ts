// What a file system's refusal of a write means: a full or broken disk is named with its folder, anything else is a
// defect.

import { dirname } from "node:path";
import { HerdError } from "../core/errors.js";

/** The disk takes nothing: it is full, read-only or broken. */
export class StorageFull extends HerdError {
  constructor(detail: string, cause: unknown) {
    super("storage.full", detail, { cause, retryAfterSeconds: 30 });
  }
}

/** Why a disk takes nothing, by the system's error code. A lack of descriptors (EMFILE) is none of these. */
const refusals: Readonly<Record<string, string>> = {
  ENOSPC: "no space is left",
  EDQUOT: "the quota is used up",
  EROFS: "it is read-only",
  EIO: "the disk fails",
};

/**
 * The error of a write to `path`: `storage.full` naming the folder when the disk takes nothing, else `internal` naming
 * the file.
 */
export function storageError(error: unknown, path: string, what = "written"): HerdError {
  if (error instanceof HerdError) return error;
  const { code } = error as NodeJS.ErrnoException;
  const refusal = code === undefined ? undefined : refusals[code];
  if (refusal === undefined) {
    const reason = error instanceof Error ? error.message : String(error);
    return new HerdError("internal", `${path} cannot be ${what}: ${reason}`, { cause: error });
  }
  const detail = `${dirname(path)} takes no more: ${refusal} (${code})`;
  return new StorageFull(detail, error);
}
