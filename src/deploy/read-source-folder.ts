// Source files on disk: one file, or every TypeScript file of a folder.

import { opendir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { HerdError } from "../core/errors.js";
import type { SourceFile, SourceLimits } from "../core/source-file.js";
import { utf8Text } from "../core/utf8.js";

/**
 * Bounds for a client that sends sources to a node: far above what nodes accept, so that the node's own limits decide.
 */
export const sendLimits: SourceLimits = { sourceBytes: 64 * 1024 * 1024, sourceFiles: 4_096 };

// A folder that was named by mistake (a home, a disk) is refused after this many entries, and not walked to its end.
const maxEntries = 100_000;
const maxDepth = 32;

/**
 * Reads one file (which becomes `index.ts`' peer under its own name) or every `.ts` file below a folder, `node_modules`
 * and folders that start with a dot left out. Throws `request.too-large` before it reads more than the limits.
 */
export async function readSourceFolder(path: string, limits: SourceLimits): Promise<SourceFile[]> {
  const isFolder = (await stat(path)).isDirectory();
  const found = isFolder ? await filesBelow(path, limits) : [basename(path)];
  const sources: SourceFile[] = [];
  let bytes = 0;
  for (const name of found.sort()) {
    const file = isFolder ? join(path, name) : path;
    bytes += (await stat(file)).size;
    if (bytes > limits.sourceBytes) throw tooLarge(path, `${limits.sourceBytes} bytes of source`);
    const text = utf8Text(await readFile(file), ({ detail, line, column }) => {
      return new HerdError("request.malformed", `${file} ${detail}`, { where: `${name}:${line}:${column}` });
    });
    sources.push({ path: name, text });
  }
  return sources;
}

/** Paths of the source files below a folder, relative to it and with forward slashes. */
async function filesBelow(root: string, limits: SourceLimits): Promise<string[]> {
  const found: string[] = [];
  const folders: { path: string; depth: number }[] = [{ path: "", depth: 0 }];
  let entries = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    if (folder.depth > maxDepth) throw tooLarge(root, `${maxDepth} folders within each other`);
    for await (const entry of await opendir(join(root, folder.path))) {
      if (++entries > maxEntries) throw tooLarge(root, `${maxEntries} files and folders`);
      const path = folder.path === "" ? entry.name : `${folder.path}/${entry.name}`;
      if (entry.isDirectory() && isSourceFolder(entry.name)) folders.push({ path, depth: folder.depth + 1 });
      else if (entry.isFile() && isSource(entry.name)) found.push(path);
      if (found.length > limits.sourceFiles) throw tooLarge(root, `${limits.sourceFiles} source files`);
    }
  }
  return found;
}

function tooLarge(path: string, bound: string): HerdError {
  return new HerdError("request.too-large", `${path} has more than ${bound}`);
}

/** The app name for a file or folder name: lower case, with hyphens for characters that a name cannot hold. */
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

/** Whether a folder of this name may hold sources of the app, not of its tools. */
export function isSourceFolder(name: string): boolean {
  return name !== "node_modules" && !name.startsWith(".");
}
