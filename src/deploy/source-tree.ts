// Source files as they lie on disk: one file, or every TypeScript file of a folder.

import { readdir, readFile } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import type { StoredSource } from "../catalog/model.js";
import { HerdError } from "../core/errors.js";
import type { Limits } from "../core/limits.js";

/** Bounds of what is read. */
export type SourceLimits = Pick<Limits, "sourceBytes" | "sourceFiles">;

/** Reads one file (which becomes `index.ts`' peer under its own name) or every `.ts` file below a folder. */
export async function readSourceTree(path: string, limits: SourceLimits): Promise<StoredSource[]> {
  const entries = await readdir(path, { withFileTypes: true, recursive: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOTDIR") return undefined;
      throw error;
    },
  );
  const paths =
    entries === undefined
      ? [path]
      : entries
          .filter((entry) => entry.isFile() && isSource(entry.name))
          .map((entry) => join(entry.parentPath, entry.name));
  const inside = paths.filter((file) => !relative(path, file).split(sep).includes("node_modules")).sort();
  if (inside.length > limits.sourceFiles) {
    throw new HerdError("request.too-large", `${path} has more than ${limits.sourceFiles} source files`);
  }
  return Promise.all(
    inside.map(async (file) => ({
      path: entries === undefined ? basename(file) : relative(path, file).split(sep).join("/"),
      text: await readFile(file, "utf8"),
    })),
  );
}

/** The app name that a file or folder name gives: lower case, hyphens for what a name cannot hold. */
export function appNameOf(path: string): string {
  return basename(path)
    .replace(/\.ts$/, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "")
    .slice(0, 63);
}

/** Whether a file of this name is compiled. */
export function isSource(name: string): boolean {
  return name.endsWith(".ts") && !name.endsWith(".d.ts") && !name.startsWith(".");
}
