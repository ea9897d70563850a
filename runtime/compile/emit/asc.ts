// AssemblyScript's compiler: it sees an upload's files and our library, and nothing else of the machine.
import { readFileSync } from "node:fs";
import * as asc from "assemblyscript/asc";
import type { Diagnostic } from "../../../src/core/errors.js";
import { packageRoot } from "../../../src/core/package-root.js";
import { diagnosticAt, type Place } from "../source/diagnostics.js";
import { CallSites } from "./call-sites.js";
import { installRootIndex } from "./root-index.js";

const configName = "asconfig.json";
const coreName = "core.wasm";
const guestFiles = ["herd", "herd/host", "herd/abort", "herd/memory", "herd/refused", "bindings/dom"] as const;
const errorCategory = 3;

/**
 * The part of Binaryen's module that {@link AscOptions.exports} needs; `assemblyscript` has no typings for transforms'
 * arguments.
 */
interface ExportTable {
  addFunctionExport(internalName: string, externalName: string): unknown;
  removeExport(externalName: string): void;
}

/** Options of one run of the compiler. */
export interface AscOptions {
  /** Path of the entry in `files`. */
  readonly entry: string;
  /** Text by path, as the compiler requests it. */
  readonly files: ReadonlyMap<string, string>;
  /** Function of the entry → the name to export it under. */
  readonly exports?: ReadonlyMap<string, string>;
}

/** Result of a run: a core module with the JSON of its source map, or the errors. */
export interface AscResult {
  readonly core: Uint8Array | undefined;
  readonly sourceMap: string;
  /** Every error; errors outside of `files` (for example in the library) have an empty `source`. */
  readonly diagnostics: readonly Diagnostic[];
}

/** The compiler with our library installed: made once a process. */
export class Asc {
  readonly #config: string;

  constructor() {
    this.#config = readFileSync(new URL(configName, packageRoot()), "utf8");
    installLibrary(asc.libraryFiles);
    installRootIndex();
  }

  /** Compiles `entry` with the flags of `asconfig.json`. An internal crash of asc ends the process. */
  async run({ entry, files, exports = new Map() }: AscOptions): Promise<AscResult> {
    const diagnostics: Diagnostic[] = [];
    const written = new Map<string, unknown>();
    const { error, stderr } = await asc.main([entry, "--outFile", coreName, "--sourceMap"], {
      readFile: (name) => (name === configName ? this.#config : (files.get(name) ?? null)),
      writeFile: (name, contents) => void written.set(name, contents),
      listFiles: () => [],
      stderr: asc.createMemoryStream(),
      stdout: asc.createMemoryStream(),
      reportDiagnostic: (message) => {
        if ((message.category as number) === errorCategory) diagnostics.push(readDiagnostic(message, files));
      },
      transforms: [renameExports(entry.replace(/\.ts$/, ""), exports), new CallSites()] as never,
    });
    if (error === null) {
      const core = written.get(coreName) as Uint8Array;
      return { core, sourceMap: String(written.get(`${coreName}.map`)), diagnostics };
    }
    if (diagnostics.length === 0) {
      const message = error.message || stderr.toString();
      diagnostics.push({ file: entry, line: 1, column: 1, message, source: "" });
    }
    return { core: undefined, sourceMap: "", diagnostics };
  }
}

/** Export names of the canonical ABI are not valid identifiers, so the entry's functions get them after compilation. */
function renameExports(module: string, names: ReadonlyMap<string, string>): { afterCompile(table: ExportTable): void } {
  return {
    afterCompile(table): void {
      for (const [name, exported] of names) {
        table.addFunctionExport(`${module}/${name}`, exported);
        table.removeExport(name);
      }
    },
  };
}

interface AscRange {
  readonly start: number;
  readonly source: { readonly normalizedPath: string } | null;
}

interface AscMessage {
  readonly message: string;
  readonly range: AscRange | null;
  /** The second place of an error, for example the declaration that it conflicts with. */
  readonly relatedRange: AscRange | null;
}

function readDiagnostic({ message, range, relatedRange }: AscMessage, files: ReadonlyMap<string, string>): Diagnostic {
  const other = placeIn(files, relatedRange);
  const at = other && diagnosticAt(other, "");
  const whole = at === undefined ? message : `${message} (the other is at ${at.file}:${at.line}:${at.column})`;
  const place = placeIn(files, range);
  if (place !== undefined) return diagnosticAt(place, whole);
  return { file: range?.source?.normalizedPath ?? "", line: 1, column: 1, message: whole, source: "" };
}

function placeIn(files: ReadonlyMap<string, string>, range: AscRange | null): Place | undefined {
  const file = range?.source?.normalizedPath ?? "";
  const text = files.get(file);
  return text === undefined || range === null ? undefined : { file, text, offset: range.start };
}

/**
 * Installs `runtime/guest/` into AssemblyScript's library: modules `herd` and `herd/…`; four namespaces of
 * `bindings/dom` are replaced; and the allocator reports why it traps.
 */
function installLibrary(library: Record<string, string>): void {
  const dom = replaced(
    library["bindings/dom"],
    /^export (?:declare )?namespace (?:console|Date|performance|crypto) \{.*?^\}/gms,
    "",
  );
  const allocator = replaced(library["rt/tlsf"], /< 0\) unreachable\(\)/g, "< 0) outOfMemory()");
  for (const name of guestFiles)
    library[name] = readFileSync(new URL(`runtime/guest/${name}.ts`, packageRoot()), "utf8");
  library["bindings/dom"] = `${library["bindings/dom"]}\n${dom}`;
  library["rt/tlsf"] = `import { outOfMemory } from "../herd/abort";\n${allocator}`;
}

function replaced(text: string | undefined, pattern: RegExp, by: string): string {
  const result = text?.replace(pattern, by);
  if (result === undefined || result === text) throw new Error(`AssemblyScript's library has changed: no ${pattern}`);
  return result;
}
