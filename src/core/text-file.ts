// A file that somebody names in a flag or a setting: read, or refused in words.

import { readFile } from "node:fs/promises";
import { UsageError } from "./usage-error.js";
import { utf8Text } from "./utf8.js";

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EISDIR: "it is a folder",
  EACCES: "this user may not read it",
  EPERM: "this user may not read it",
};

/** The text of a file that somebody named. Throws {@link UsageError} when it cannot be read or is not UTF-8. */
export async function readTextFile(path: string): Promise<string> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${path} cannot be read: ${reasons[error.code ?? ""] ?? error.message}`, { cause: error });
  });
  return utf8Text(bytes, ({ detail }) => new UsageError(`${path} ${detail}`));
}
