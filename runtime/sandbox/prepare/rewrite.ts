// Rewrites a core module so that it can be bounded and reset: memory and tables capped, mutable globals exported.
import { HerdError } from "../../../src/core/errors.js";
import { BinaryReader, leb128 as leb, type Section } from "../../interface/binary.js";
import { moduleBounds } from "../../interface/bounds.js";
import { globalExportPrefix } from "../prepared-revision.js";
import { isResettable } from "./code-scan.js";
import { type CoreShape, refusal } from "./core-shape.js";
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
  const bytes = Buffer.concat([
    core.subarray(0, preambleBytes),
    ...shape.sections.flatMap((section) => {
      if (section.id === sectionId.memory) return frame(section.id, [memory.content]);
      if (section.id === sectionId.table) return frame(section.id, capTables(core, section));
      if (section.id === sectionId.export) return frame(section.id, addExports(core, { section, copyable, mutable }));
      return frame(section.id, [core.subarray(section.start, section.end)]);
    }),
  ]);
  const code = shape.section("code");
  const resettable = copyable && (code === undefined || isResettable(core, code));
  return { bytes, initialPages: memory.initial, resettable };
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

/** The parts of the export section with the mutable globals added. Globals are exported only when all can be copied. */
function addExports(
  core: Uint8Array,
  { section, copyable, mutable }: { section: Section; copyable: boolean; mutable: readonly number[] },
): Uint8Array[] {
  const reader = new BinaryReader(core, section);
  const count = reader.count(moduleBounds.exports);
  const added = (copyable ? mutable : []).map((index) => {
    const name = Buffer.from(globalExportPrefix + index);
    return Buffer.concat([leb(name.length), name, Buffer.of(3), leb(index)]);
  });
  return [leb(count + added.length), core.subarray(reader.offset, section.end), ...added];
}

function frame(id: number, parts: readonly Uint8Array[]): Uint8Array[] {
  return [Buffer.of(id), leb(parts.reduce((sum, part) => sum + part.length, 0)), ...parts];
}
