// One linear pass over a core module that reads its shape, every count within its bound, before any other reader sees
// the bytes.
import { HerdError } from "../../../src/core/errors.js";
import { BinaryReader, type Section } from "../../interface/binary.js";
import { moduleBounds as bounds, within } from "../../interface/bounds.js";
import type { CoreImport } from "../prepared-revision.js";
import { type ModuleSignature, readTypes, signatureAt, type TypeGroup, type TypeSection } from "./core-types.js";
import { skipConstantExpression, skipValueType } from "./instructions.js";
import { coreSections, sectionId } from "./wasm-module.js";

/** Kinds of exports, by their bytes. */
export const exportKind = { function: 0, table: 1, memory: 2, global: 3, tag: 4 } as const;

/** An export; `index` counts in the index space of its kind. */
export interface CoreExport {
  readonly name: string;
  readonly kind: number;
  readonly index: number;
}

/** A global's value type, as its byte, and whether the guest can set it. */
export interface CoreGlobal {
  readonly type: number;
  readonly isMutable: boolean;
}

/** The shape of a core module. */
export class CoreShape {
  /** All sections except custom ones: each at most once, in the order of the specification. */
  readonly sections: readonly Section[];
  readonly imports: readonly (CoreImport & { readonly type: number })[];
  readonly globals: readonly CoreGlobal[];
  readonly exports: readonly CoreExport[];
  readonly #core: Uint8Array;
  readonly #types: TypeSection;
  /** Index of each function's type, imports first. */
  readonly #functions: readonly number[];

  constructor(core: Uint8Array) {
    this.#core = core;
    this.sections = orderedSections(core);
    this.#types = this.#read("type", readTypes) ?? { places: [], groups: [] };
    this.imports = this.#read("import", readImports) ?? [];
    const own = this.#read("function", readFunctions) ?? [];
    this.#functions = [...this.imports.map(({ type }) => type), ...own];
    this.#read("table", (reader) => reader.count(bounds.tables));
    this.#read("tag", (reader) => reader.count(bounds.tags));
    this.globals = this.#read("global", readGlobals) ?? [];
    this.exports = this.#read("export", readExports) ?? [];
    this.#read("element", (reader) => {
      within(bounds.elementBytes, reader.end - reader.offset);
      reader.count(bounds.elementSegments);
    });
    this.#read("code", checkCode);
    this.#read("data", (reader) => reader.count(bounds.dataSegments));
  }

  /** Types in the index space, those of recursive groups included. */
  get typeCount(): number {
    return this.#types.places.length;
  }

  /** The entries of the type section. */
  get typeGroups(): readonly TypeGroup[] {
    return this.#types.groups;
  }

  /** Functions in the index space, imports included. */
  get functionCount(): number {
    return this.#functions.length;
  }

  /** The section of that kind. */
  section(kind: keyof typeof sectionId): Section | undefined {
    return this.sections.find(({ id }) => id === sectionId[kind]);
  }

  /** The type with that index; undefined when it is no function type. */
  signature(type: number): ModuleSignature | undefined {
    const section = this.section("type");
    const place = this.#types.places[type];
    return section && place !== undefined ? signatureAt(new BinaryReader(this.#core, section), place) : undefined;
  }

  /** The type of the function with that index. */
  functionSignature(index: number): ModuleSignature | undefined {
    const type = this.#functions[index];
    return type === undefined ? undefined : this.signature(type);
  }

  #read<T>(kind: keyof typeof sectionId, read: (reader: BinaryReader) => T): T | undefined {
    const section = this.section(kind);
    return section && read(new BinaryReader(this.#core, section));
  }
}

const order: readonly number[] = (
  [
    ...(["type", "import", "function", "table", "memory", "tag", "global"] as const),
    ...(["export", "start", "element", "dataCount", "code", "data"] as const),
  ] as const
).map((kind) => sectionId[kind]);

function orderedSections(core: Uint8Array): Section[] {
  const sections = coreSections(core).filter(({ id }) => id !== sectionId.custom);
  let last = -1;
  for (const { id } of sections) {
    const turn = order.indexOf(id);
    if (turn < 0) throw refusal(`has a section of the unknown kind ${id}`);
    if (turn <= last) throw refusal(`has a section of kind ${id} twice, or out of order`);
    last = turn;
  }
  return sections;
}

function readImports(reader: BinaryReader): (CoreImport & { type: number })[] {
  const imports: (CoreImport & { type: number })[] = [];
  for (let left = reader.count(bounds.imports); left > 0; left--) {
    const module = reader.name();
    const field = reader.name();
    if (reader.byte() !== exportKind.function) throw refusal(`imports ${module} ${field}, which is not a function`);
    imports.push({ module, field, type: reader.u32() });
  }
  return imports;
}

function readFunctions(reader: BinaryReader): number[] {
  const types: number[] = [];
  for (let left = reader.count(bounds.functions); left > 0; left--) types.push(reader.u32());
  return types;
}

function readGlobals(reader: BinaryReader): CoreGlobal[] {
  const globals: CoreGlobal[] = [];
  for (let left = reader.count(bounds.globals); left > 0; left--) {
    const type = reader.byte();
    const isKnown = (type >= 0x7b && type <= 0x7f) || type === 0x70 || type === 0x6f;
    if (!isKnown) throw refusal("has a global of an unsupported type");
    globals.push({ type, isMutable: reader.byte() === 1 });
    if (!skipConstantExpression(reader)) throw refusal("has a global with an unsupported initial value");
  }
  return globals;
}

function readExports(reader: BinaryReader): CoreExport[] {
  const exports: CoreExport[] = [];
  for (let left = reader.count(bounds.exports); left > 0; left--) {
    exports.push({ name: reader.name(), kind: reader.byte(), index: reader.u32() });
  }
  return exports;
}

function checkCode(reader: BinaryReader): void {
  within(bounds.codeBytes, reader.end - reader.offset);
  for (let left = reader.count(bounds.functions); left > 0; left--) {
    const size = reader.count(bounds.bodyBytes);
    const body = new BinaryReader(reader.bytes, {
      start: reader.offset,
      end: Math.min(reader.offset + size, reader.end),
    });
    reader.skip(size);
    let locals = 0;
    for (let groups = body.u32(); groups > 0; groups--) {
      locals = within(bounds.locals, locals + body.u32());
      if (!skipValueType(body)) throw refusal("has a local of an unknown type");
    }
  }
}

/** The refusal of a module; `what` completes the sentence. */
export function refusal(what: string): HerdError {
  return new HerdError("source.invalid", `the component's module ${what}`);
}
