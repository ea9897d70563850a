// An upload's files: allowed names, the entry, and size limits.

import { HerdError } from "../../../src/core/errors.js";
import type { SourceFile, SourceLimits } from "../../../src/core/source-file.js";

const maxPathLength = 256;
const pathRule = "letters of a to z, digits and _ . @ + - in each part, .ts but not .d.ts at the end";
const segment = "[A-Za-z0-9_@+-][A-Za-z0-9_.@+-]*";
const sourcePath = new RegExp(`^(?:${segment}/){0,16}${segment}\\.ts$`);

/**
 * The files by path, and the entry: `index.ts`, or the only file.
 * @throws {HerdError} as {@link checkSources} does; without an entry `source.invalid`.
 */
export function readSources(
  files: readonly SourceFile[],
  limits: SourceLimits,
): { files: ReadonlyMap<string, SourceFile>; entry: SourceFile } {
  const byPath = checkSources(files, limits);
  const entry = byPath.get("index.ts") ?? (files.length === 1 ? files[0] : undefined);
  if (entry === undefined) {
    throw new HerdError("source.invalid", "an upload of several files needs an index.ts as its entry");
  }
  return { files: byPath, entry };
}

/**
 * The files by path. A path holds allowed letters alone, so that it cannot lead out of the upload.
 * @throws {HerdError} `request.malformed` for a path that is not allowed or is there twice, and for an upload without a
 * file; `request.too-large`.
 */
export function checkSources(files: readonly SourceFile[], limits: SourceLimits): ReadonlyMap<string, SourceFile> {
  if (files.length === 0) throw new HerdError("request.malformed", "the upload has no file");
  checkFileCount(files.length, limits);
  const byPath = new Map<string, SourceFile>();
  let bytes = 0;
  for (const file of files) {
    const { path } = file;
    checkSourcePath(path);
    if (byPath.has(path)) throw new HerdError("request.malformed", `the upload has ${shown(path)} twice`);
    bytes += Buffer.byteLength(file.text);
    byPath.set(path, file);
  }
  if (bytes > limits.sourceBytes) {
    throw new HerdError("request.too-large", `the sources have ${bytes} bytes, more than ${limits.sourceBytes}`);
  }
  return byPath;
}

/** Throws `request.malformed` for a path that no source file can have. */
export function checkSourcePath(path: string): void {
  if (path.length <= maxPathLength && sourcePath.test(path) && !path.endsWith(".d.ts")) return;
  throw new HerdError("request.malformed", `${shown(path)} cannot be the path of a source file: ${pathRule}`);
}

/** Throws `request.too-large` for more files than an upload may have. */
export function checkFileCount(count: number, { sourceFiles }: SourceLimits): void {
  if (count > sourceFiles) throw new HerdError("request.too-large", `the upload has more than ${sourceFiles} files`);
}

function shown(path: string): string {
  return JSON.stringify(path.slice(0, 80));
}
