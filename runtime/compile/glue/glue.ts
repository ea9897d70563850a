// The glue: AssemblyScript that exports each callable of an app by the canonical ABI (lowering and lifting on the
// guest's side).
import { CanonicalAbi, maxFlatParameters, parameterTypes, resultTypes } from "../../interface/layout.js";
import { exportedInterface } from "../../interface/model.js";
import type { GuestExports, GuestFunction } from "../source/exports.js";
import type { GuestType } from "../source/guest-types.js";
import type { GluePlace } from "../source/upload-places.js";
import { GlueTypes } from "./glue-types.js";

/** Module path of the glue; no upload can have a file of this name. */
export const glueModule = "herd:glue";

/** The glue of an app: its text, and the export name of each of its functions. */
export interface Glue {
  readonly text: string;
  /** Function of the glue → export name. */
  readonly exports: ReadonlyMap<string, string>;
  /** The lines that belong to each callable. */
  readonly places: readonly GluePlace[];
}

/** Writes the glue of `app`. */
export function writeGlue(app: GuestExports): Glue {
  return new GlueWriter(app).write();
}

class GlueWriter {
  readonly #app: GuestExports;
  readonly #abi: CanonicalAbi;
  readonly #types: GlueTypes;
  readonly #exports = new Map<string, string>();

  constructor(app: GuestExports) {
    this.#app = app;
    this.#abi = new CanonicalAbi(app.interface);
    this.#types = new GlueTypes(app.types, this.#abi);
  }

  write(): Glue {
    const functions = this.#app.functions.map((fn, index) => this.#function(fn, index));
    const before = [...this.#imports(), ...this.#types.definitions()];
    const text = [...before, ...functions, ""].join("\n");
    const places: GluePlace[] = [];
    let line = before.join("\n").split("\n").length + 1;
    for (const [index, { at }] of this.#app.functions.entries()) {
      const lines = (functions[index] ?? "").split("\n").length;
      places.push({ first: line, last: line + lines - 1, at });
      line += lines;
    }
    return { text, exports: this.#exports, places };
  }

  #imports(): string[] {
    const lines = [
      'import { allocate, reallocate, release } from "herd/memory";',
      'import { atIndex, atKey, fail, inField, isForeign, isNull } from "herd/refused";',
      "export { herd_abort_message, herd_abort_file, herd_abort_line, herd_abort_column, herd_out_of_memory } " +
        'from "herd/abort";',
      "export { reallocate as cabi_realloc };",
    ];
    const add = (name: string, { alias, module }: { alias: string; module: string }): void => {
      lines.push(`import { ${name} as ${alias} } from "./${module}";`);
    };
    for (const one of [...this.#app.types.classes, ...this.#app.types.enums]) add(one.exportName, one);
    for (const [index, fn] of this.#app.functions.entries()) {
      if (fn.self === undefined) add(fn.exportName, { alias: `fn${index}`, module: fn.module });
      for (const [position, { fallback }] of fn.parameters.entries()) {
        if (fallback !== undefined) add(fallback.name, { alias: `d${index}_${position}`, module: fallback.module });
      }
    }
    return lines;
  }

  #function(fn: GuestFunction, index: number): string {
    const crossing = parameterTypes(fn.type);
    const flat = crossing.flatMap((type) => this.#abi.flatten(type));
    const spilled = flat.length > maxFlatParameters;
    const lines = spilled ? this.#liftSpilled(fn, index) : this.#liftFlat(fn, index);
    lines.push(...this.#call(fn, index));
    const results = resultTypes(fn.type);
    const flatResult = results.flatMap((type) => this.#abi.flatten(type));
    const declared = spilled ? "a0: usize" : flat.map((core, at) => `a${at}: ${core}`).join(", ");
    const name = `x${index}`;
    this.#exports.set(name, `${exportedInterface}#${fn.type.wit}`);
    let returns = "void";
    if (flatResult.length > 1) {
      returns = "usize";
      lines.push(...this.#storeResult(fn));
      this.#exports.set(`p${index}`, `cabi_post_${exportedInterface}#${fn.type.wit}`);
    } else {
      const only = flatResult[0];
      if (only !== undefined) {
        returns = only;
        const [value, path] = fn.self === undefined ? ["r", "result"] : ["s", "self"];
        lines.push(...this.#types.toCore((fn.self ?? fn.result) as GuestType, value, path));
      }
      // A pointer crosses beside a length: values that are one core value each hold no memory. A function without that
      // instruction may change none, which its reset need not touch then: see `memory-writers.ts`.
      if (crossing.some((type) => this.#abi.flatCount(type) > 1)) lines.push("release();");
      if (only !== undefined) lines.push("return flat;");
    }
    const body = lines.map((line) => `  ${line}`).join("\n");
    const post = flatResult.length > 1 ? `\nexport function p${index}(result: usize): void { release(); }` : "";
    return `export function ${name}(${declared}): ${returns} {\n${body}\n}${post}`;
  }

  #liftFlat(fn: GuestFunction, index: number): string[] {
    let next = 0;
    const take = (type: GuestType): string[] => this.#abi.flatten(type.value).map(() => `a${next++}`);
    const lines: string[] = [];
    if (fn.self !== undefined)
      lines.push(`const s: ${fn.self.text} = ${this.#types.fromFlat(fn.self, take(fn.self))};`);
    for (const [position, { type, fallback }] of fn.parameters.entries()) {
      const given = fallback === undefined ? undefined : `a${next++}`;
      const value = this.#types.fromFlat(type, take(type));
      lines.push(parameterLine({ type, position, index, given, value }));
    }
    return lines;
  }

  #liftSpilled(fn: GuestFunction, index: number): string[] {
    const { offsets } = this.#abi.tuple(parameterTypes(fn.type));
    const lines: string[] = [];
    const shift = fn.self === undefined ? 0 : 1;
    if (fn.self !== undefined) lines.push(`const s: ${fn.self.text} = ${this.#types.load(fn.self, "a0", 0)};`);
    for (const [position, { type, fallback }] of fn.parameters.entries()) {
      const offset = offsets[position + shift] as number;
      const payload = fallback === undefined ? offset : offset + this.#abi.payloadOffset(type.value);
      const given = fallback === undefined ? undefined : `load<u8>(a0, ${offset})`;
      lines.push(parameterLine({ type, position, index, given, value: this.#types.load(type, "a0", payload) }));
    }
    return lines;
  }

  #call(fn: GuestFunction, index: number): string[] {
    const list = fn.parameters.map((_, position) => `v${position}`).join(", ");
    const target =
      fn.self !== undefined ? `s.${fn.member}` : fn.member === undefined ? `fn${index}` : `fn${index}.${fn.member}`;
    return [fn.result === null ? `${target}(${list});` : `const r: ${fn.result.text} = ${target}(${list});`];
  }

  #storeResult(fn: GuestFunction): string[] {
    const { size, offsets } = this.#abi.tuple(resultTypes(fn.type));
    const lines = [`const out = allocate(${size});`];
    const values: [GuestType | null | undefined, string, string][] = [
      [fn.self, "s", "self"],
      [fn.result, "r", "result"],
    ];
    let at = 0;
    for (const [type, value, path] of values) {
      if (type !== undefined && type !== null) {
        const place = { pointer: "out", offset: offsets[at++] as number, refused: `fail("${path}")` };
        lines.push(this.#types.store(type, value, place));
      }
    }
    lines.push("return out;");
    return lines;
  }
}

interface ParameterLine {
  readonly type: GuestType;
  readonly position: number;
  readonly index: number;
  readonly given: string | undefined;
  readonly value: string;
}

function parameterLine({ type, position, index, given, value }: ParameterLine): string {
  const before = Array.from({ length: position }, (_, at) => `v${at}`).join(", ");
  if (given === undefined) return `const v${position}: ${type.text} = ${value};`;
  const absent = `d${index}_${position}(${before})`;
  return `let v${position}: ${type.text}; if (${given}) v${position} = ${value}; else v${position} = ${absent};`;
}
