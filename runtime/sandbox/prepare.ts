// Component bytes → what a worker runs: a compiled module that is bounded and can be reset, with its interface.
import { HerdError } from "../../src/core/errors.js";
import type { Limits } from "../../src/core/limits.js";
import { type AppInterface, exportedInterface, type ValueType } from "../interface/model.js";
import { readInterface } from "../interface/section.js";
import { missingImports } from "./host-imports.js";
import { type CoreImport, pageBytes, rewriteCore } from "./rewrite.js";
import { firstCoreModule } from "./wasm-module.js";
import { type WasmModule, webAssembly } from "./web-assembly.js";

/** One revision, ready to run: immutable, shared by all workers. */
export interface Prepared {
  readonly revision: string;
  readonly module: WasmModule;
  readonly interface: AppInterface;
  readonly imports: readonly CoreImport[];
  /** Whether a copy of memory and globals brings an instance back to pristine. */
  readonly resettable: boolean;
  /** Linear memory at the start. */
  readonly memoryBytes: number;
}

/** What {@link prepare} needs to know beside the bytes. */
export interface PrepareOptions {
  readonly revision: string;
  readonly limits: Pick<Limits, "memoryBytes">;
}

const maxFlatValues = 4_096;
const requiredExports = ["memory", "cabi_realloc"];

/** Checks, rewrites and compiles `component`, which may be hostile. Throws HerdError `source.invalid`. */
export async function prepare(component: Uint8Array, { revision, limits }: PrepareOptions): Promise<Prepared> {
  const app = readInterface(component);
  checkSizes(app);
  const { bytes, imports, initialPages, resettable } = rewriteCore(firstCoreModule(component), limits.memoryBytes);
  const missing = missingImports(imports);
  if (missing.length > 0) {
    const shown = missing.slice(0, 32).map((name) => name.slice(0, 200));
    throw new HerdError("source.invalid", `the component imports what this host does not have: ${shown.join(", ")}`);
  }
  const module = await compile(bytes);
  checkExports(module, app);
  return { revision, module, interface: app, imports, resettable, memoryBytes: initialPages * pageBytes };
}

async function compile(bytes: Uint8Array): Promise<WasmModule> {
  try {
    return await webAssembly.compile(bytes);
  } catch (cause) {
    throw new HerdError("source.invalid", "the component's module is not valid WebAssembly", { cause });
  }
}

function checkExports(module: WasmModule, app: AppInterface): void {
  const exported = new Set(webAssembly.Module.exports(module).map(({ name }) => name));
  const wanted = [...requiredExports, ...app.functions.map(({ wit }) => `${exportedInterface}#${wit}`)];
  const absent = wanted.filter((name) => !exported.has(name));
  if (absent.length > 0) {
    throw new HerdError("source.invalid", `the component's module does not export ${absent.slice(0, 32).join(", ")}`);
  }
}

/** Records inside records multiply: bound what one type flattens to before anything walks it. */
function checkSizes(app: AppInterface): void {
  const records = new Map(app.records.map((record) => [record.name, record.fields]));
  const counted = new Map<string, number>();
  const count = (type: ValueType): number => {
    if (type.kind === "option") return 1 + count(type.value);
    if ("element" in type || type.kind === "map") {
      // Elements lie behind a pointer and a length, but are walked too: their records have the same bound.
      count("element" in type ? type.element : type.value);
      return 2;
    }
    if (type.kind !== "record") return type.kind === "string" || type.kind === "bytes" ? 2 : 1;
    const known = counted.get(type.name);
    if (known !== undefined) return known;
    const sum = (records.get(type.name) ?? []).reduce((total, field) => total + count(field.type), 0);
    if (sum > maxFlatValues) throw new HerdError("source.invalid", `the record ${type.name} holds too many values`);
    counted.set(type.name, sum);
    return sum;
  };
  for (const { name } of app.records) count({ kind: "record", name });
}
