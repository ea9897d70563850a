// Rewrites a core module so that it can be bounded and reset: memory and tables capped, mutable globals exported.
import { HerdError } from "../../src/core/errors.js";
import { BinaryReader, leb128 as leb, type Section } from "../interface/binary.js";
import { isResettable } from "./code-scan.js";
import { skipConstantExpression } from "./instructions.js";
import { coreSections, sectionId } from "./wasm-module.js";

/** Exports whose names begin so are ours: mutable global `n` is `herd:global:{n}`. */
export const globalExportPrefix = "herd:global:";

/** Bytes of a page of linear memory. */
export const pageBytes = 65_536;

const maxTableEntries = 100_000;
const maxTables = 16;
const memory32Pages = 65_536;
const preambleBytes = 8;

/** A core function that a module asks its host for. */
export interface CoreImport {
  readonly module: string;
  readonly field: string;
}

/** A rewritten module and what was learned on the way. */
export interface Rewritten {
  readonly bytes: Uint8Array;
  readonly imports: readonly CoreImport[];
  readonly initialPages: number;
  /** Whether memory and globals are all the state that an instance can have. */
  readonly resettable: boolean;
}

interface Globals {
  readonly mutable: readonly number[];
  /** False when one holds a vector or a reference, which JavaScript cannot copy. */
  readonly copyable: boolean;
}

/** `core` with its memory bounded to `memoryBytes` and its mutable globals exported; throws HerdError when it cannot be. */
export function rewriteCore(core: Uint8Array, memoryBytes: number): Rewritten {
  const sections = coreSections(core).filter(({ id }) => id !== sectionId.custom);
  const find = (id: number): Section | undefined => sections.find((section) => section.id === id);
  const imports = readImports(core, find(sectionId.import));
  const globals = readGlobals(core, find(sectionId.global));
  const memory = readMemory(core, { section: find(sectionId.memory), maxPages: Math.floor(memoryBytes / pageBytes) });
  const code = find(sectionId.code);
  if (find(sectionId.export) === undefined) throw refusal("exports nothing");
  const bytes = Buffer.concat([
    core.subarray(0, preambleBytes),
    ...sections.map((section) => {
      if (section.id === sectionId.memory) return frame(section.id, memory.content);
      if (section.id === sectionId.table) return frame(section.id, capTables(core, section));
      if (section.id === sectionId.export) return frame(section.id, addExports(core, { section, globals }));
      return frame(section.id, core.subarray(section.start, section.end));
    }),
  ]);
  const resettable = globals.copyable && (code === undefined || isResettable(core, code));
  return { bytes, imports, initialPages: memory.initial, resettable };
}

function readImports(core: Uint8Array, section: Section | undefined): CoreImport[] {
  if (section === undefined) return [];
  const reader = new BinaryReader(core, section);
  const imports: CoreImport[] = [];
  for (let left = reader.u32(); left > 0; left--) {
    const module = reader.name();
    const field = reader.name();
    if (reader.byte() !== 0) throw refusal(`imports ${module} ${field}, which is not a function`);
    reader.u32();
    imports.push({ module, field });
  }
  return imports;
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

function capTables(core: Uint8Array, section: Section): Uint8Array {
  const reader = new BinaryReader(core, section);
  const count = reader.u32();
  if (count > maxTables) throw refusal("has too many tables");
  const parts: Uint8Array[] = [leb(count)];
  for (let index = 0; index < count; index++) {
    const type = reader.byte();
    const flags = reader.byte();
    if ((type !== 0x70 && type !== 0x6f) || flags > 1) throw refusal("has a table of an unsupported kind");
    const initial = reader.u32();
    const maximum = flags === 1 ? reader.u32() : maxTableEntries;
    if (initial > maxTableEntries) throw refusal(`has a table of more than ${maxTableEntries} entries`);
    parts.push(Buffer.of(type, 1), leb(initial), leb(Math.min(maximum, maxTableEntries)));
  }
  return Buffer.concat(parts);
}

function readGlobals(core: Uint8Array, section: Section | undefined): Globals {
  const mutable: number[] = [];
  if (section === undefined) return { mutable, copyable: true };
  const reader = new BinaryReader(core, section);
  let copyable = true;
  const count = reader.u32();
  for (let index = 0; index < count; index++) {
    const type = reader.byte();
    const isNumber = type >= 0x7c && type <= 0x7f;
    if (!isNumber && type !== 0x7b && type !== 0x70 && type !== 0x6f)
      throw refusal("has a global of an unsupported type");
    if (reader.byte() === 1) {
      mutable.push(index);
      copyable &&= isNumber;
    }
    if (!skipConstantExpression(reader)) throw refusal("has a global with an unsupported initial value");
  }
  return { mutable, copyable };
}

/** The export section with the mutable globals added. Numbers are exported only when all can be copied. */
function addExports(core: Uint8Array, { section, globals }: { section: Section; globals: Globals }): Uint8Array {
  const reader = new BinaryReader(core, section);
  const count = reader.u32();
  const entries = core.subarray(reader.offset, section.end);
  for (let left = count; left > 0; left--) {
    if (reader.name().startsWith(globalExportPrefix))
      throw refusal(`exports a name that begins with ${globalExportPrefix}`);
    reader.byte();
    reader.u32();
  }
  const added = (globals.copyable ? globals.mutable : []).map((index) => {
    const name = Buffer.from(globalExportPrefix + index);
    return Buffer.concat([leb(name.length), name, Buffer.of(3), leb(index)]);
  });
  return Buffer.concat([leb(count + added.length), entries, ...added]);
}

function frame(id: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.of(id), leb(content.length), content]);
}

function refusal(what: string): HerdError {
  return new HerdError("source.invalid", `the component's module ${what}`);
}
