// A file of source code on its whole way: from a disk or an upload, through the compiler, into the catalog.

import type { Limits } from "./limits.js";

/** A source file; `path` is relative to the root of its upload, with forward slashes. No node opens a file by it. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** Bounds of one upload: UTF-8 bytes of all its files together, and their number. */
export type SourceLimits = Pick<Limits, "sourceBytes" | "sourceFiles">;
