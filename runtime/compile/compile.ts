// One compilation, start to end: sources → AST → interface and glue → core module → component. Runs in the compiler's
// process.

import { type Diagnostic, HerdError } from "../../src/core/errors.js";
import type { SourceFile } from "../../src/core/source-file.js";
import { type AppInterface, exportedInterface } from "../interface/model.js";
import { appendPlaces, type SourcePlace } from "../interface/places.js";
import type { Asc, AscResult, OnStage } from "./emit/asc.js";
import { buildComponent, coreImports, foreignImports } from "./emit/component.js";
import { readPlaces } from "./emit/source-map.js";
import { glueModule, writeGlue } from "./glue/glue.js";
import type { CompileRequest } from "./messages.js";
import { diagnosticAt, lineOf, sortDiagnostics } from "./source/diagnostics.js";
import { type GuestExports, readExports } from "./source/exports.js";
import type { Refusal } from "./source/guest-types.js";
import { ModuleGraph } from "./source/modules.js";
import { type AppendedCode, placeOf, UploadPlaces } from "./source/upload-places.js";

/** Result of a compilation. */
export interface Compilation {
  readonly component: Uint8Array;
  readonly interface: AppInterface;
}

/** A compiler, and what is called as each stage of a compilation begins. */
export interface CompileTools {
  readonly asc: Asc;
  readonly onStage?: OnStage;
}

/**
 * Compiles an upload whose files were checked.
 * @throws {HerdError} `source.invalid` or `type.unsupported` with every diagnostic.
 */
export async function compile(tools: CompileTools, { files, entry }: CompileRequest): Promise<Compilation> {
  tools.onStage?.("parse");
  const texts = new Map([...files.values()].map((file) => [file.path, file.text]));
  const exports = readExports(new ModuleGraph(files, entry));
  const { refusals } = exports.types;
  if (refusals.length > 0 || exports.types.unresolved || exports.functions.length === 0) {
    const { diagnostics } = tools.asc.run({ entry: entry.path, files: texts });
    throw refusal({ entry, refusals, compiler: within(texts, diagnostics) });
  }
  const { result, places } = compileWithGlue(tools, exports, texts);
  const errors = within(texts, result.diagnostics, places);
  if (errors.length > 0) throw invalid(errors);
  const { core, sourceMap } = result;
  if (core === undefined) throw new HerdError("internal", `the glue does not compile: ${describe(result.diagnostics)}`);
  tools.onStage?.("componentize");
  const foreign = foreignImports(coreImports(core));
  if (foreign.length > 0) throw invalid(foreign.map((name) => foreignDiagnostic(name, files, entry)));
  const component = await buildComponent(core, exports.interface);
  const callables = exports.functions.map(({ type, at }) => [`${exportedInterface}#${type.wit}`, placeOf(at)] as const);
  const find = (place: SourcePlace): SourcePlace | undefined => places.find(place);
  const functions = readPlaces(core, sourceMap, { find, callables: new Map(callables) });
  return { component: appendPlaces(component, functions), interface: exports.interface };
}

function compileWithGlue(
  { asc, onStage }: CompileTools,
  exports: GuestExports,
  texts: ReadonlyMap<string, string>,
): { result: AscResult; places: UploadPlaces } {
  const glue = writeGlue(exports);
  const files = new Map(texts);
  const appended = new Map<string, readonly AppendedCode[]>();
  for (const [module, parts] of exports.appended) {
    const path = texts.has(`${module}.ts`) ? `${module}.ts` : `${module}/index.ts`;
    files.set(path, [texts.get(path) ?? "", ...parts.map(({ code }) => code)].join(""));
    appended.set(path, parts);
  }
  const entry = `${glueModule}.ts`;
  files.set(entry, glue.text);
  const result = asc.run({ entry, files, exports: glue.exports, onStage });
  const places = new UploadPlaces({ texts, appended, glue: { file: entry, places: glue.places } });
  return { result, places };
}

/** The diagnostics with a place in the upload, where its author can act. */
function within(
  texts: ReadonlyMap<string, string>,
  diagnostics: readonly Diagnostic[],
  places?: UploadPlaces,
): Diagnostic[] {
  return diagnostics.flatMap((one) => {
    const text = texts.get(one.file);
    const at = places === undefined ? one : places.find(one);
    if (text === undefined || at === undefined) return [];
    // The copy of a default is behind the file's last line: its errors belong to the default.
    return [at === one ? one : { ...one, ...at, source: lineOf(texts.get(at.file) ?? "", at.line) }];
  });
}

function refusal(found: {
  entry: SourceFile;
  refusals: readonly Refusal[];
  compiler: readonly Diagnostic[];
}): HerdError {
  const { entry, refusals, compiler } = found;
  const refused = refusals.map(({ node, message }) => {
    const { source, start } = node.range;
    return diagnosticAt({ file: source.normalizedPath, text: source.text, offset: start }, message);
  });
  if (compiler.length > 0) {
    const known = new Set(compiler.map((one) => `${one.file}:${one.line}:${one.column}`));
    return invalid([...compiler, ...refused.filter((one) => !known.has(`${one.file}:${one.line}:${one.column}`))]);
  }
  if (refused.length > 0) {
    const diagnostics = sortDiagnostics(refused);
    return new HerdError("type.unsupported", summary(diagnostics), { diagnostics, where: where(diagnostics) });
  }
  return invalid([
    diagnosticAt({ file: entry.path, text: entry.text, offset: 0 }, "the entry exports no function that can be called"),
  ]);
}

function invalid(unsorted: readonly Diagnostic[]): HerdError {
  const diagnostics = sortDiagnostics(unsorted);
  return new HerdError("source.invalid", summary(diagnostics), { diagnostics, where: where(diagnostics) });
}

function foreignDiagnostic(name: string, files: ReadonlyMap<string, SourceFile>, entry: SourceFile): Diagnostic {
  const message = `${name} is not given to a guest`;
  // Code names an import by the last part of its name: its first occurrence is the best known place.
  const word = name.split(".").at(-1) ?? name;
  for (const name_ of [name, word]) {
    for (const { path, text } of files.values()) {
      const offset = text.indexOf(name_);
      if (offset !== -1) return diagnosticAt({ file: path, text, offset }, message);
    }
  }
  return diagnosticAt({ file: entry.path, text: entry.text, offset: 0 }, message);
}

function summary(diagnostics: readonly Diagnostic[]): string {
  const [first] = diagnostics;
  const more = diagnostics.length - 1;
  return `${where(diagnostics)}: ${first?.message}${more > 0 ? ` (and ${more} more)` : ""}`;
}

function where(diagnostics: readonly Diagnostic[]): string {
  const [first] = diagnostics;
  return `${first?.file}:${first?.line}:${first?.column}`;
}

function describe(diagnostics: readonly Diagnostic[]): string {
  return diagnostics
    .map((one) => `${one.file}:${one.line}: ${one.message}`)
    .join("; ")
    .slice(0, 2_000);
}
