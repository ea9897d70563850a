// An upload's files: allowed names, the entry, and size limits.
import { HerdError } from "../../../src/core/errors.js";

/** One source file of an upload; `path` is relative to its root, with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** Bounds of an upload. */
export interface SourceLimits {
  /** UTF-8 bytes of all files together. */
  readonly sourceBytes: number;
  readonly sourceFiles: number;
}

const pathRule = "letters of a to z, digits and _ . @ + - in each part, .ts at the end";
const segment = "[A-Za-z0-9_@+-][A-Za-z0-9_.@+-]*";
const sourcePath = new RegExp(`^(?:${segment}/){0,16}${segment}\\.ts$`);

/**
 * The files by path, and the entry: `index.ts`, or the only file.
 * @throws {HerdError} `request.malformed`, `request.too-large` or, without an entry, `source.invalid`.
 */
export function readSources(
  files: readonly SourceFile[],
  limits: SourceLimits,
): { files: ReadonlyMap<string, SourceFile>; entry: SourceFile } {
  if (files.length === 0) throw new HerdError("request.malformed", "the upload has no file");
  if (files.length > limits.sourceFiles) {
    throw new HerdError("request.too-large", `the upload has more than ${limits.sourceFiles} files`);
  }
  const byPath = new Map<string, SourceFile>();
  let bytes = 0;
  for (const file of files) {
    if (file.path.length > 256 || !sourcePath.test(file.path) || file.path.endsWith(".d.ts")) {
      throw new HerdError(
        "request.malformed",
        `"${file.path.slice(0, 64)}" cannot be the path of a source file: ${pathRule}`,
      );
    }
    if (byPath.has(file.path)) throw new HerdError("request.malformed", `the upload has "${file.path}" twice`);
    bytes += Buffer.byteLength(file.text);
    byPath.set(file.path, file);
  }
  if (bytes > limits.sourceBytes) {
    throw new HerdError("request.too-large", `the sources have ${bytes} bytes, more than ${limits.sourceBytes}`);
  }
  const entry = byPath.get("index.ts") ?? (files.length === 1 ? files[0] : undefined);
  if (entry === undefined) {
    throw new HerdError("source.invalid", "an upload of several files needs an index.ts as its entry");
  }
  return { files: byPath, entry };
}
