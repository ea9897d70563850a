// Component bytes → a prepared revision: a compiled module that is bounded and can be reset, with its interface. Runs
// in the preparer's thread.
import { HerdError } from "../../../src/core/errors.js";
import type { Limits } from "../../../src/core/limits.js";
import { type AppInterface, exportedInterface } from "../../interface/model.js";
import { parseInterface } from "../../interface/parse.js";
import { placesSection } from "../../interface/places.js";
import { interfaceText } from "../../interface/section.js";
import type { PreparedRevision } from "../prepared-revision.js";
import { pageBytes, type WasmModule, webAssembly } from "../web-assembly.js";
import { checkExports } from "./check-exports.js";
import { checkImports } from "./check-imports.js";
import { CoreShape } from "./core-shape.js";
import { rewriteCore } from "./rewrite.js";
import type { TypeBudget } from "./type-budget.js";
import { coreSections, firstCoreModule, sectionId } from "./wasm-module.js";

/** Options of {@link prepare}. */
export interface PrepareOptions {
  readonly revision: string;
  readonly limits: Pick<Limits, "memoryBytes">;
  /** Admits the types of a component that others may have made. */
  readonly types?: TypeBudget;
}

/**
 * Checks, rewrites and compiles `component`, which may be hostile. Throws HerdError `source.invalid`, or that of
 * {@link TypeBudget.admit}.
 */
export async function prepare(
  component: Uint8Array,
  { revision, limits, types }: PrepareOptions,
): Promise<PreparedRevision> {
  const text = interfaceText(component);
  const app = parseInterface(text);
  const core = firstCoreModule(component);
  const shape = new CoreShape(core);
  checkImports(shape);
  const rewritten = rewriteCore(core, { shape, memoryBytes: limits.memoryBytes });
  const { bytes, initialPages, resettable, countsPages, shifts, writers } = rewritten;
  checkExports(shape, app);
  // The rewrite of an invalid module may be valid, and another module than the one that was checked: bytes behind a
  // section's last entry become entries. The engine reads the module only now, when its bounds are checked.
  types?.admit(core, shape.typeGroups);
  if (!webAssembly.validate(core)) throw invalid();
  const module = compile(bytes);
  const imports = shape.imports.map(({ module, field }) => ({ module, field }));
  const section = placesSection(component);
  const codeStart = coreSections(bytes).find(({ id }) => id === sectionId.code)?.start ?? 0;
  return {
    revision,
    module,
    interface: app,
    imports,
    resettable,
    countsPages,
    readers: readersOf(app, { shape, writers }),
    memoryBytes: initialPages * pageBytes,
    interfaceBytes: text.length,
    ...(section && { places: { section, codeStart, shifts } }),
  };
}

/** WIT names of the functions that change no memory. */
function readersOf(
  app: AppInterface,
  { shape, writers }: { readonly shape: CoreShape; readonly writers: Uint8Array },
): Set<string> {
  const indexes = new Map(shape.exports.map(({ name, index }) => [name, index]));
  const names = app.functions.map(({ wit }) => wit);
  return new Set(names.filter((wit) => writers[indexes.get(`${exportedInterface}#${wit}`) ?? -1] === 0));
}

/** Compiles on this thread, so that its CPU time counts as this thread's: the engine's own threads are not measured. */
function compile(bytes: Uint8Array): WasmModule {
  try {
    return new webAssembly.Module(bytes);
  } catch (cause) {
    throw invalid(cause);
  }
}

function invalid(cause?: unknown): HerdError {
  return new HerdError("source.invalid", "the component's module is not valid WebAssembly", { cause });
}
