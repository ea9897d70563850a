// Rewrites a core module so that it can be bounded and reset: memory and tables capped, mutable globals exported, and
// its memory's size kept in one of them.
import { HerdError } from "../../../src/core/errors.js";
import { BinaryReader, leb128 as leb, type Section } from "../../interface/binary.js";
import { moduleBounds } from "../../interface/bounds.js";
import { type CodeShift, globalExportPrefix } from "../prepared-revision.js";
import { type CodeScan, scanCode } from "./code-scan.js";
import { type CoreShape, exportKind, refusal } from "./core-shape.js";
import { type GrowthIndices, rewriteGrowth } from "./growth.js";
import { memoryGrow } from "./instructions.js";
import { sectionId } from "./wasm-module.js";

/** Bytes of a page of linear memory. */
export const pageBytes = 65_536;

const memory32Pages = 65_536;
const preambleBytes = 8;

/** A rewritten module, and what the rewrite learned about it. */
export interface Rewritten {
  readonly bytes: Uint8Array;
  readonly initialPages: number;
  /** Whether memory and globals are all the state that an instance can have. */
  readonly resettable: boolean;
  /** Index of the global that counts the guest's pages; undefined where growth cannot be reset, or none can come. */
  readonly pagesGlobal: number | undefined;
  /** Where the rewritten code stands in the original. */
  readonly shifts: readonly CodeShift[];
}

/**
 * Returns `core`, whose shape was read, with its memory bounded to `memoryBytes` and its mutable globals exported.
 * Throws HerdError when that is impossible.
 */
export function rewriteCore(
  core: Uint8Array,
  { shape, memoryBytes }: { readonly shape: CoreShape; readonly memoryBytes: number },
): Rewritten {
  const maxPages = Math.floor(memoryBytes / pageBytes);
  const memory = readMemory(core, { section: shape.section("memory"), maxPages });
  const mutable = shape.globals.flatMap(({ isMutable }, index) => (isMutable ? [index] : []));
  // JavaScript cannot copy a vector or a reference: then no reset is possible, and no global is exported.
  const copyable = mutable.every((index) => isNumber(shape.globals[index]?.type ?? 0));
  if (shape.section("export") === undefined) throw refusal("exports nothing");
  if (shape.exports.some(({ name }) => name.startsWith(globalExportPrefix)))
    throw refusal(`exports a name that begins with ${globalExportPrefix}`);
  const code = shape.section("code");
  const scan = code === undefined ? undefined : scanCode(core, code);
  const resettable = copyable && (scan?.resettable ?? true);
  const growth =
    resettable && scan !== undefined ? growthOf(core, { shape, scan, initial: memory.initial }) : undefined;
  const exported = copyable ? [...mutable, ...(growth === undefined ? [] : [growth.indices.pages])] : [];
  const bytes = Buffer.concat([
    core.subarray(0, preambleBytes),
    ...withGlobals(shape.sections, growth !== undefined).flatMap((section) => {
      const content = (): Uint8Array => core.subarray(section.start, section.end);
      if (section.id === sectionId.memory) return frame(section.id, [memory.content]);
      if (section.id === sectionId.table) return frame(section.id, capTables(core, section));
      if (section.id === sectionId.export) return frame(section.id, addExports(core, { section, exported }));
      return frame(section.id, growth?.sections.get(section.id)?.(content()) ?? [content()]);
    }),
  ]);
  const { indices, shifts = [] } = growth ?? {};
  return { bytes, initialPages: memory.initial, resettable, pagesGlobal: indices?.pages, shifts };
}

/** A section's content with what is added to it. */
type Edit = (content: Uint8Array) => Uint8Array[];

/** How a module is rewritten whose memory can grow: the edits by section. Undefined for one that cannot, or not so. */
function growthOf(
  core: Uint8Array,
  { shape, scan, initial }: { readonly shape: CoreShape; readonly scan: CodeScan; readonly initial: number },
): { indices: GrowthIndices; sections: ReadonlyMap<number, Edit>; shifts: readonly CodeShift[] } | undefined {
  if (scan.sites === undefined || !scan.sites.some((at) => core[at] === memoryGrow)) return undefined;
  const indices = { type: shape.typeCount, grow: shape.functionCount, pages: shape.globals.length };
  const { parts, shifts } = rewriteGrowth(core, { bodies: scan.bodies, sites: scan.sites, start: scan.start, indices });
  const count = Buffer.concat([Buffer.of(0x7f, 1, 0x41), signedLeb(initial), Buffer.of(0x0b)]);
  const sections = new Map<number, Edit>([
    [sectionId.type, (content) => appended(content, Buffer.of(0x60, 1, 0x7f, 1, 0x7f))],
    [sectionId.function, (content) => appended(content, leb(indices.type))],
    [sectionId.global, (content) => appended(content, count)],
    [sectionId.code, () => [...parts]],
  ]);
  return { indices, sections, shifts };
}

/** The sections with an empty one for globals where they need one and have none. */
function withGlobals(sections: readonly Section[], areNeeded: boolean): readonly Section[] {
  if (!areNeeded || sections.some(({ id }) => id === sectionId.global)) return sections;
  const at = sections.findIndex(({ id }) => id === sectionId.export);
  return sections.toSpliced(at, 0, { id: sectionId.global, start: 0, end: 0 });
}

/** A vector with one more element. */
function appended(content: Uint8Array, element: Uint8Array): Uint8Array[] {
  if (content.length === 0) return [leb(1), element];
  const reader = new BinaryReader(content, { start: 0, end: content.length });
  const count = reader.u32();
  return [leb(count + 1), content.subarray(reader.offset), element];
}

/** A number that is not negative as a signed LEB128. */
function signedLeb(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x40; rest = Math.floor(rest / 0x80)) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.of(...bytes, rest);
}

function isNumber(type: number): boolean {
  return type >= 0x7c && type <= 0x7f;
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

/** The parts of the export section with those globals added. */
function addExports(
  core: Uint8Array,
  { section, exported }: { section: Section; exported: readonly number[] },
): Uint8Array[] {
  const reader = new BinaryReader(core, section);
  const count = reader.count(moduleBounds.exports);
  const added = exported.map((index) => {
    const name = Buffer.from(globalExportPrefix + index);
    return Buffer.concat([leb(name.length), name, Buffer.of(exportKind.global), leb(index)]);
  });
  return [leb(count + added.length), core.subarray(reader.offset, section.end), ...added];
}

function frame(id: number, parts: readonly Uint8Array[]): Uint8Array[] {
  return [Buffer.of(id), leb(parts.reduce((sum, part) => sum + part.length, 0)), ...parts];
}
