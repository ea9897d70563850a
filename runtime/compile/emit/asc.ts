// AssemblyScript's compiler, driven stage by stage: it sees an upload's files and our library, and nothing else of the
// machine.
import * as assemblyscript from "assemblyscript";
import binaryen from "assemblyscript/binaryen";
import type { Diagnostic } from "../../../src/core/errors.js";
import { diagnosticAt, type Place } from "../source/diagnostics.js";
import { CallSites } from "./call-sites.js";
import { installLibrary, type Program, parseImports, programWithLibrary } from "./library.js";
import { optimize } from "./optimize.js";

const sourceMapName = "./core.wasm.map";

/** Stages of a compilation, in their order; the last makes a component of the core module. */
export type CompileStage = "parse" | "compile" | "optimize" | "componentize";

/** Is called as each stage begins. */
export type OnStage = (stage: CompileStage) => void;

/** Options of one run of the compiler. */
export interface AscOptions {
  /** Path of the entry in `files`. */
  readonly entry: string;
  /** Text by path, as the compiler requests it. */
  readonly files: ReadonlyMap<string, string>;
  /** Function of the entry → the name to export it under. */
  readonly exports?: ReadonlyMap<string, string>;
  readonly onStage?: OnStage | undefined;
}

/** Result of a run: a core module with the JSON of its source map, or the errors. */
export interface AscResult {
  readonly core: Uint8Array | undefined;
  readonly sourceMap: string;
  /** Every error; errors outside of `files` (for example in the library) have an empty `source`. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Binaryen's view of a compiled module. */
type BinaryenModule = ReturnType<typeof binaryen.wrapModule>;

/** The compiler with our library installed: made once a process. */
export class Asc {
  /** A program for the next run. It is used once, since a compilation changes it. */
  #next: Program | undefined;

  constructor() {
    installLibrary();
  }

  /** Parses the library for the next run, which then begins with the upload's own files. Changes no result. */
  prime(): void {
    this.#next ??= programWithLibrary();
  }

  /** Compiles `entry`. An internal crash behind the parser ends the process. */
  run({ entry, files, exports = new Map(), onStage = () => undefined }: AscOptions): AscResult {
    onStage("parse");
    this.prime();
    const program = this.#next as Program;
    this.#next = undefined;
    const module = binaryen.wrapModule(program.module.ref);
    try {
      assemblyscript.parse(program, files.get(entry) ?? null, entry, true);
      parseImports(program, files);
      const unparsed = errorsOf(program, files);
      if (unparsed.length > 0) return failed(unparsed);

      onStage("compile");
      const sites = new CallSites();
      const compiled = orEndProcess("compile", () => {
        assemblyscript.initializeProgram(program);
        sites.watch(program);
        return assemblyscript.compile(program);
      });
      const errors = errorsOf(program, files);
      if (errors.length > 0) return failed(errors);

      return orEndProcess("optimize", () => {
        renameExports(module, { of: entry.replace(/\.ts$/, ""), exports });
        sites.move(module);
        if (!assemblyscript.validate(compiled)) return failed([invalidModule(entry)]);
        onStage("optimize");
        optimize(compiled);
        const { binary, sourceMap } = module.emitBinary(sourceMapName);
        return { core: binary, sourceMap: sourceMap ?? "", diagnostics: [] };
      });
    } finally {
      module.dispose();
    }
  }
}

function failed(diagnostics: readonly Diagnostic[]): AscResult {
  return { core: undefined, sourceMap: "", diagnostics };
}

/** Ends the process after an exception: Binaryen's state is unknown then, and a program was left half compiled. */
function orEndProcess<Result>(stage: string, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    console.error(`the compiler crashed in ${stage}`, error);
    process.exit(1);
  }
}

/** Export names of the canonical ABI are not valid identifiers, so the entry's functions get them after compilation. */
function renameExports(
  module: BinaryenModule,
  { of, exports }: { of: string; exports: ReadonlyMap<string, string> },
): void {
  for (const [name, exported] of exports) {
    module.addFunctionExport(`${of}/${name}`, exported);
    module.removeExport(name);
  }
}

function invalidModule(entry: string): Diagnostic {
  return { file: entry, line: 1, column: 1, message: "validate error", source: "" };
}

/** The errors that the compiler found since the last call. */
function errorsOf(program: Program, files: ReadonlyMap<string, string>): Diagnostic[] {
  const errors: Diagnostic[] = [];
  let next = assemblyscript.nextDiagnostic(program);
  for (; next !== null; next = assemblyscript.nextDiagnostic(program))
    if (assemblyscript.isError(next)) errors.push(readDiagnostic(next, files));
  return errors;
}

type Message = NonNullable<ReturnType<typeof assemblyscript.nextDiagnostic>>;
type Range = Message["range"];

function readDiagnostic({ message, range, relatedRange }: Message, files: ReadonlyMap<string, string>): Diagnostic {
  // The second place of an error, for example the declaration that it conflicts with.
  const other = placeIn(files, relatedRange);
  const at = other && diagnosticAt(other, "");
  const whole = at === undefined ? message : `${message} (the other is at ${at.file}:${at.line}:${at.column})`;
  const place = placeIn(files, range);
  if (place !== undefined) return diagnosticAt(place, whole);
  return { file: range?.source.normalizedPath ?? "", line: 1, column: 1, message: whole, source: "" };
}

function placeIn(files: ReadonlyMap<string, string>, range: Range): Place | undefined {
  const file = range?.source.normalizedPath ?? "";
  const text = files.get(file);
  return text === undefined || range === null ? undefined : { file, text, offset: range.start };
}
