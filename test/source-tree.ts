// The repository's sources as the architecture test sees them: files, lines and imports.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { posix, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../src/core/package-root.js";

/** A source file; `path` starts at the package's root and has forward slashes. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

/** The files with this ending below these folders, without build outputs. */
export function sourcesUnder(folders: readonly string[], ending = ".ts"): Source[] {
  return folders.flatMap((folder) => {
    const directory = fileURLToPath(new URL(folder, packageRoot()));
    if (!existsSync(directory)) return [];
    return readdirSync(directory, { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(ending))
      .map((path) => posix.join(folder, path.split(sep).join("/")))
      .sort()
      .map((path) => ({ path, text: readText(path) }));
  });
}

/** The text of a file, its path counted from the package's root. */
export function readText(path: string): string {
  return readFileSync(new URL(path, packageRoot()), "utf8").replaceAll("\r\n", "\n");
}

// A statement starts a line (the formatter sees to that) and holds no quote and no semicolon before its specifier.
const fromStatement = /^(?:import|export)\b[^;'"`]*?\bfrom\s*(["'])([^"'\n]+)\1/gm;
const bareImport = /^import\s*(["'])([^"'\n]+)\1/gm;
const importCall = /\bimport\(\s*(["'])([^"'\n]+)\1/g;

/** Which imports count: all by default, only those that are there when the code runs without `types`. */
export interface ImportFilter {
  readonly types?: boolean;
}

/** Every module that a source imports, re-exports or names in an `import()` type or call; comments do not count. */
export function importsOf(text: string, { types = true }: ImportFilter = {}): string[] {
  const code = text.replace(/^\s*\/\*[\s\S]*?\*\//gm, "").replace(/^\s*\/\/.*$/gm, "");
  return [fromStatement, bareImport, importCall].flatMap((pattern) =>
    Array.from(code.matchAll(pattern))
      .filter(([statement]) => types || !/^(import|export) type\b/.test(statement))
      .map((match) => match[2] ?? ""),
  );
}

/** The source that a relative specifier names, seen from `path`; `.js` in a specifier is `.ts` in the tree. */
export function resolveImport(path: string, specifier: string): string {
  return posix.join(posix.dirname(path), specifier).replace(/\.js$/, ".ts");
}

/** The package that a specifier names: `zod` of `zod/v4`, `@a/b` of `@a/b/c`. */
export function packageOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

/** Relative imports by file: the graph of the sources. */
export function importGraph(sources: readonly Source[], filter: ImportFilter = {}): Map<string, string[]> {
  return new Map(
    sources.map(({ path, text }) => [
      path,
      importsOf(text, filter)
        .filter((specifier) => specifier.startsWith("."))
        .map((specifier) => resolveImport(path, specifier)),
    ]),
  );
}

/** Everything that can be reached from `start`, itself included. */
export function reachable(graph: ReadonlyMap<string, readonly string[]>, start: string): Set<string> {
  const seen = new Set<string>([start]);
  // A set may grow while it is walked: what is added comes later in the same loop.
  for (const path of seen) for (const next of graph.get(path) ?? []) seen.add(next);
  return seen;
}
