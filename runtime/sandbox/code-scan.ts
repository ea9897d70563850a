// Looks through a core module's code for what a reset cannot undo: a changed table, a dropped segment.
import { BinaryReader, type Section } from "../interface/binary.js";

/** How the immediates of an instruction are skipped; `stop` is an unknown or a state-changing one. */
enum Immediate {
  none,
  leb,
  twoLebs,
  memory,
  branchTable,
  types,
  fourBytes,
  eightBytes,
  bulk,
  vector,
  stop,
}

/**
 * True when the code in `section` holds no instruction whose effect outlives memory and globals: table.set, table.grow,
 * table.fill, table.copy, table.init, elem.drop, data.drop. An instruction unknown here counts as one.
 */
export function isResettable(core: Uint8Array, section: Section): boolean {
  const reader = new BinaryReader(core, section);
  const bodies = reader.u32();
  for (let index = 0; index < bodies; index++) {
    const size = reader.u32();
    const body = new BinaryReader(core, { start: reader.offset, end: Math.min(reader.offset + size, section.end) });
    reader.skip(size);
    if (!skipLocals(body) || !scanBody(body)) return false;
  }
  return true;
}

function skipLocals(reader: BinaryReader): boolean {
  const groups = reader.u32();
  for (let index = 0; index < groups; index++) {
    reader.u32();
    const type = reader.byte();
    const typed = type === 0x63 || type === 0x64;
    if (typed) return false;
  }
  return true;
}

function scanBody(reader: BinaryReader): boolean {
  while (!reader.done) {
    const opcode = reader.byte();
    if (!skipImmediate(reader, immediates[opcode] ?? Immediate.stop)) return false;
  }
  return true;
}

function skipImmediate(reader: BinaryReader, kind: Immediate): boolean {
  switch (kind) {
    case Immediate.none:
      return true;
    case Immediate.leb:
      reader.skipLeb();
      return true;
    case Immediate.twoLebs:
      reader.skipLeb();
      reader.skipLeb();
      return true;
    case Immediate.memory:
      skipMemoryArgument(reader);
      return true;
    case Immediate.branchTable:
      for (let left = reader.u32() + 1; left > 0; left--) reader.skipLeb();
      return true;
    case Immediate.types:
      for (let left = reader.u32(); left > 0; left--) reader.skipLeb();
      return true;
    case Immediate.fourBytes:
      reader.skip(4);
      return true;
    case Immediate.eightBytes:
      reader.skip(8);
      return true;
    case Immediate.bulk:
      return skipBulk(reader);
    case Immediate.vector:
      return skipVector(reader);
    default:
      return false;
  }
}

function skipMemoryArgument(reader: BinaryReader): void {
  const flags = reader.u32();
  if ((flags & 0x40) !== 0) reader.skipLeb();
  reader.skipLeb();
}

/** 0xFC: saturating truncation and bulk memory. */
function skipBulk(reader: BinaryReader): boolean {
  const opcode = reader.u32();
  if (opcode <= 7) return true;
  if (opcode === 8 || opcode === 10) return skipImmediate(reader, Immediate.twoLebs);
  if (opcode === 11 || opcode === 16) return skipImmediate(reader, Immediate.leb);
  return false;
}

/** 0xFD: 128-bit vectors. */
function skipVector(reader: BinaryReader): boolean {
  const opcode = reader.u32();
  if (opcode > 0x114) return false;
  if (opcode <= 11 || opcode === 92 || opcode === 93) skipMemoryArgument(reader);
  else if (opcode === 12 || opcode === 13) reader.skip(16);
  else if (opcode >= 21 && opcode <= 34) reader.skip(1);
  else if (opcode >= 84 && opcode <= 91) {
    skipMemoryArgument(reader);
    reader.skip(1);
  }
  return true;
}

/** Immediates by opcode (core specification, "Index of Instructions"). */
const immediates = buildImmediates();

function buildImmediates(): Uint8Array {
  const table = new Uint8Array(256).fill(Immediate.stop);
  const set = (kind: Immediate, from: number, to = from): void => {
    table.fill(kind, from, to + 1);
  };
  set(Immediate.none, 0x00, 0x01);
  set(Immediate.leb, 0x02, 0x04);
  set(Immediate.none, 0x05);
  set(Immediate.none, 0x0b);
  set(Immediate.leb, 0x0c, 0x0d);
  set(Immediate.branchTable, 0x0e);
  set(Immediate.none, 0x0f);
  set(Immediate.leb, 0x10);
  set(Immediate.twoLebs, 0x11);
  set(Immediate.leb, 0x12);
  set(Immediate.twoLebs, 0x13);
  set(Immediate.none, 0x1a, 0x1b);
  set(Immediate.types, 0x1c);
  set(Immediate.leb, 0x20, 0x25);
  set(Immediate.memory, 0x28, 0x3e);
  set(Immediate.leb, 0x3f, 0x42);
  set(Immediate.fourBytes, 0x43);
  set(Immediate.eightBytes, 0x44);
  set(Immediate.none, 0x45, 0xc4);
  set(Immediate.leb, 0xd0);
  set(Immediate.none, 0xd1);
  set(Immediate.leb, 0xd2);
  set(Immediate.bulk, 0xfc);
  set(Immediate.vector, 0xfd);
  return table;
}
