// AssemblyScript's library with ours inside, and programs that have read all of it before an upload is there.
import { readFileSync } from "node:fs";
import * as assemblyscript from "assemblyscript";
import { libraryFiles, version } from "assemblyscript/asc";
import { packageRoot } from "../../../src/core/package-root.js";
import { installRootIndex } from "./root-index.js";

const guestFiles = ["herd", "herd/host", "herd/abort", "herd/memory", "herd/refused", "bindings/dom"] as const;
const libraryPrefix = "~lib/";
const webAssembly = 0;
/** Memory managers and collectors of guests, by the compiler's numbers. */
const runtimes = { stub: 0, minimal: 1, incremental: 2 } as const;

/** The part of `asconfig.json` that is ours to set; its names are those of AssemblyScript's command. */
interface Config {
  readonly options: {
    readonly optimizeLevel: number;
    readonly shrinkLevel: number;
    readonly runtime: keyof typeof runtimes;
    readonly exportStart: string;
    /** `NAME=IMPLEMENTATION`: functions that the compiler calls by these names, in our library. */
    readonly use: readonly string[];
  };
}

const { options: config } = JSON.parse(readFileSync(new URL("asconfig.json", packageRoot()), "utf8")) as Config;
/** An entry of its own, which comes before the upload's. */
const memoryManager = `rt/index-${config.runtime}`;

/** A program of AssemblyScript: it serves one compilation. */
export type Program = ReturnType<typeof assemblyscript.newProgram>;

/**
 * Installs `runtime/guest/` into AssemblyScript's library, once a process: modules `herd` and `herd/…`; four namespaces
 * of `bindings/dom` are replaced; and the allocator reports why it traps.
 */
export function installLibrary(): void {
  if (isInstalled()) return;
  const dom = replaced(
    libraryFiles["bindings/dom"],
    /^export (?:declare )?namespace (?:console|Date|performance|crypto) \{.*?^\}/gms,
    "",
  );
  const allocator = replaced(libraryFiles["rt/tlsf"], /< 0\) unreachable\(\)/g, "< 0) outOfMemory()");
  for (const name of guestFiles)
    libraryFiles[name] = readFileSync(new URL(`runtime/guest/${name}.ts`, packageRoot()), "utf8");
  libraryFiles["bindings/dom"] = `${libraryFiles["bindings/dom"]}\n${dom}`;
  libraryFiles["rt/tlsf"] = `import { outOfMemory } from "../herd/abort";\n${allocator}`;
  installRootIndex();
}

/**
 * A program that has parsed the library and all that the library imports: 94 sources, the same for every upload. The
 * order of sources decides the bytes of a module, so a program is always made this way.
 */
export function programWithLibrary(): Program {
  const options = assemblyscript.newOptions();
  assemblyscript.setTarget(options, webAssembly);
  assemblyscript.setRuntime(options, runtimes[config.runtime]);
  assemblyscript.setExportMemory(options, true);
  assemblyscript.setExportStart(options, config.exportStart);
  assemblyscript.setSourceMap(options, true);
  assemblyscript.setStackSize(options, assemblyscript.DEFAULT_STACK_SIZE);
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  assemblyscript.setBundleVersion(options, major, minor, patch);
  for (const use of config.use) {
    const [alias = "", name = ""] = use.split("=");
    assemblyscript.addGlobalAlias(options, alias, name);
  }
  // Hints for the compiler: the module is optimized later.
  assemblyscript.setOptimizeLevelHints(options, config.optimizeLevel, config.shrinkLevel);
  const program = assemblyscript.newProgram(options);
  // Files in folders are read when something imports them.
  for (const [name, text] of Object.entries(libraryFiles))
    if (!name.includes("/")) assemblyscript.parse(program, text, `${libraryPrefix}${name}.ts`, false);
  const manager = libraryFiles[memoryManager];
  if (manager === undefined) throw new Error(`AssemblyScript's library has changed: no ${memoryManager}`);
  assemblyscript.parse(program, manager, `${libraryPrefix}${memoryManager}.ts`, true);
  parseImports(program, new Map());
  return program;
}

/** Parses what the sources of `program` import, of the library and of `files` (text by path), and what that imports. */
export function parseImports(program: Program, files: ReadonlyMap<string, string>): void {
  for (let path = assemblyscript.nextFile(program); path !== null; path = assemblyscript.nextFile(program)) {
    const found = path.startsWith(libraryPrefix) ? libraryPath(path) : uploadPath(path, files);
    // A missing file is an error at the import.
    assemblyscript.parse(program, found?.text ?? null, found?.path ?? `${path}.ts`, false);
  }
}

interface Found {
  readonly path: string;
  readonly text: string | undefined;
}

function libraryPath(path: string): Found | undefined {
  const name = path.slice(libraryPrefix.length);
  const file = [name, `${name}/index`].find((one) => Object.hasOwn(libraryFiles, one));
  return file === undefined ? undefined : { path: `${libraryPrefix}${file}.ts`, text: libraryFiles[file] };
}

function uploadPath(path: string, files: ReadonlyMap<string, string>): Found | undefined {
  const file = [`${path}.ts`, `${path}/index.ts`].find((one) => files.has(one));
  return file === undefined ? undefined : { path: file, text: files.get(file) };
}

function isInstalled(): boolean {
  return Object.hasOwn(libraryFiles, "herd");
}

function replaced(text: string | undefined, pattern: RegExp, by: string): string {
  const result = text?.replace(pattern, by);
  if (result === undefined || result === text) throw new Error(`AssemblyScript's library has changed: no ${pattern}`);
  return result;
}
