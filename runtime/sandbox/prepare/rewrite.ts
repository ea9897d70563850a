// Rewrites a core module so that it can be bounded and reset: memory and tables capped, functions that save and restore
// its mutable globals, and its memory's size kept in one more global.
import { HerdError } from "../../../src/core/errors.js";
import { BinaryReader, leb128 as leb, type Section } from "../../interface/binary.js";
import { moduleBounds } from "../../interface/bounds.js";
import { type CodeShift, resetExportPrefix, resetExports } from "../prepared-revision.js";
import { pageBytes } from "../web-assembly.js";
import { type CodeScan, scanCode } from "./code-scan.js";
import { type CoreShape, exportKind, refusal } from "./core-shape.js";
import { growFunction, rewriteCode } from "./growth.js";
import { memoryGrow } from "./instructions.js";
import { memoryWriters } from "./memory-writers.js";
import { type IndexedGlobal, resetFunctions, savedGlobals } from "./reset-functions.js";
import { sectionId } from "./wasm-module.js";

const memory32Pages = 65_536;
const preambleBytes = 8;
/** The value type, as its byte. */
const i32 = 0x7f;

/** A rewritten module, and what the rewrite learned about it. */
export interface Rewritten {
  readonly bytes: Uint8Array;
  readonly initialPages: number;
  /** Whether memory and globals are all the state that an instance can have. */
  readonly resettable: boolean;
  /** Whether the guest has its own count of pages; without it, growth cannot be reset, or none can come. */
  readonly countsPages: boolean;
  /** Where the rewritten code stands in the original. */
  readonly shifts: readonly CodeShift[];
  /** For each function in the index space, 1 where a call of it may change memory. */
  readonly writers: Uint8Array;
}

/**
 * Returns `core`, whose shape was read, with its memory bounded to `memoryBytes` and functions for its reset. Throws
 * HerdError when that is impossible.
 */
export function rewriteCore(
  core: Uint8Array,
  { shape, memoryBytes }: { readonly shape: CoreShape; readonly memoryBytes: number },
): Rewritten {
  const maxPages = Math.floor(memoryBytes / pageBytes);
  const memory = readMemory(core, { section: shape.section("memory"), maxPages });
  if (shape.section("export") === undefined) throw refusal("exports nothing");
  if (shape.exports.some(({ name }) => name.startsWith(resetExportPrefix)))
    throw refusal(`exports a name that begins with ${resetExportPrefix}`);
  const code = shape.section("code");
  const scan = code === undefined ? undefined : scanCode(core, code);
  const resettable = scan?.resettable ?? true;
  const additions =
    scan !== undefined && resettable ? additionsTo(core, { shape, scan, initial: memory.initial }) : undefined;
  const bytes = Buffer.concat([
    core.subarray(0, preambleBytes),
    ...withGlobals(shape.sections, additions?.sections.has(sectionId.global) === true).flatMap((section) => {
      const content = core.subarray(section.start, section.end);
      if (section.id === sectionId.memory) return frame(section.id, [memory.content]);
      if (section.id === sectionId.table) return frame(section.id, capTables(core, section));
      return frame(section.id, additions?.sections.get(section.id)?.(content) ?? [content]);
    }),
  ]);
  return {
    bytes,
    initialPages: memory.initial,
    resettable,
    countsPages: additions?.countsPages ?? false,
    shifts: additions?.shifts ?? [],
    writers: memoryWriters(shape.imports.length, scan?.bodies ?? []),
  };
}

/** A section's content with what is added to it. */
type Edit = (content: Uint8Array) => Uint8Array[];

interface Additions {
  readonly sections: ReadonlyMap<number, Edit>;
  readonly shifts: readonly CodeShift[];
  readonly countsPages: boolean;
}

/** How a module is rewritten that has mutable globals or can grow; undefined for one without. */
function additionsTo(
  core: Uint8Array,
  { shape, scan, initial }: { readonly shape: CoreShape; readonly scan: CodeScan; readonly initial: number },
): Additions | undefined {
  const { bodies, start } = scan;
  const countsPages = scan.sites?.some((at) => core[at] === memoryGrow) ?? false;
  const pages = shape.globals.length;
  const globals: IndexedGlobal[] = shape.globals.flatMap(({ isMutable, type }, index) =>
    isMutable ? [{ index, type }] : [],
  );
  if (countsPages) globals.push({ index: pages, type: i32 });
  if (globals.length === 0 || bodies.length === 0) return undefined;
  const { save, restore } = resetFunctions(globals, countsPages ? pages + 1 : pages);
  const first = shape.functionCount;
  const types: Uint8Array[] = [Buffer.of(0x60, 0, 0)];
  const functions = [leb(shape.typeCount), leb(shape.typeCount)];
  const added = [save, restore];
  const ownGlobals: Uint8Array[] = [];
  const exports = [
    exportOf(resetExports.save, { kind: exportKind.function, index: first }),
    exportOf(resetExports.restore, { kind: exportKind.function, index: first + 1 }),
  ];
  if (countsPages) {
    types.push(Buffer.of(0x60, 1, i32, 1, i32));
    functions.push(leb(shape.typeCount + 1));
    added.push(growFunction(pages));
    ownGlobals.push(Buffer.concat([Buffer.of(i32, 1, 0x41), signedLeb(initial), Buffer.of(0x0b)]));
    exports.push(exportOf(resetExports.pages, { kind: exportKind.global, index: pages }));
  }
  const sites = countsPages ? (scan.sites ?? []) : [];
  const { parts, shifts } = rewriteCode(core, { bodies, start, sites, indices: { grow: first + 2, pages }, added });
  const sections = new Map<number, Edit>([
    [sectionId.type, (content) => appended(content, types)],
    [sectionId.function, (content) => appended(content, functions)],
    [sectionId.global, (content) => appended(content, [...ownGlobals, ...savedGlobals(globals)])],
    [sectionId.export, (content) => appended(content, exports)],
    [sectionId.code, () => [...parts]],
  ]);
  return { sections, shifts, countsPages };
}

function exportOf(name: string, { kind, index }: { readonly kind: number; readonly index: number }): Uint8Array {
  return Buffer.concat([leb(name.length), Buffer.from(name), Buffer.of(kind), leb(index)]);
}

/** The sections with an empty one for globals where they need one and have none. */
function withGlobals(sections: readonly Section[], areNeeded: boolean): readonly Section[] {
  if (!areNeeded || sections.some(({ id }) => id === sectionId.global)) return sections;
  const at = sections.findIndex(({ id }) => id === sectionId.export);
  return sections.toSpliced(at, 0, { id: sectionId.global, start: 0, end: 0 });
}

/** A vector with more elements. */
function appended(content: Uint8Array, elements: readonly Uint8Array[]): Uint8Array[] {
  if (content.length === 0) return [leb(elements.length), ...elements];
  const reader = new BinaryReader(content, { start: 0, end: content.length });
  const count = reader.u32();
  return [leb(count + elements.length), content.subarray(reader.offset), ...elements];
}

/** A number that is not negative as a signed LEB128. */
function signedLeb(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x40; rest = Math.floor(rest / 0x80)) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.of(...bytes, rest);
}

function readMemory(
  core: Uint8Array,
  { section, maxPages }: { section: Section | undefined; maxPages: number },
): { initial: number; content: Uint8Array } {
  if (section === undefined) throw refusal("has no memory");
  const reader = new BinaryReader(core, section);
  if (reader.u32() !== 1) throw refusal("has more than one memory");
  const flags = reader.byte();
  if (flags > 1) throw refusal("has a shared or 64-bit memory");
  const initial = reader.u32();
  const maximum = flags === 1 ? reader.u32() : memory32Pages;
  if (initial > maxPages) {
    const [needs, allows] = [initial, maxPages].map((pages) => `${(pages * pageBytes) / 2 ** 20} MiB`);
    throw new HerdError("source.invalid", `the app needs ${needs} of memory to start; this node allows ${allows}`);
  }
  return { initial, content: Buffer.concat([Buffer.of(1, 1), leb(initial), leb(Math.min(maximum, maxPages))]) };
}

function capTables(core: Uint8Array, section: Section): Uint8Array[] {
  const reader = new BinaryReader(core, section);
  const count = reader.count(moduleBounds.tables);
  const maxTableEntries = moduleBounds.tableEntries.most;
  const parts: Uint8Array[] = [leb(count)];
  for (let index = 0; index < count; index++) {
    const type = reader.byte();
    const flags = reader.byte();
    if ((type !== 0x70 && type !== 0x6f) || flags > 1) throw refusal("has a table of an unsupported kind");
    const initial = reader.count(moduleBounds.tableEntries);
    const maximum = flags === 1 ? reader.u32() : maxTableEntries;
    parts.push(Buffer.of(type, 1), leb(initial), leb(Math.min(maximum, maxTableEntries)));
  }
  return parts;
}

function frame(id: number, parts: readonly Uint8Array[]): Uint8Array[] {
  return [Buffer.of(id), leb(parts.reduce((sum, part) => sum + part.length, 0)), ...parts];
}
