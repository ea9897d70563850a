// Instructions of a core module, decoded one at a time (core specification 3.0, "Binary Format", "Instructions").
//
// Whatever is not decoded here with certainty is unknown: a scan that guesses an immediate misreads the next
// instruction.
import type { BinaryReader } from "../../interface/binary.js";

/** Effect of one instruction on state that outlives a call. */
export enum Effect {
  /** At most numeric globals, locals and the operand stack change. */
  plain,
  /** Memory changes too, or may: a function that is not known may run. */
  writes,
  /** Plain, and opens a block that an `end` closes. */
  opens,
  /** Plain, and closes the innermost block or the body. */
  closes,
  /** Changes other state, or may: a table, a segment, an object. */
  lasting,
  /** Not decoded here, and its end is unknown too. */
  unknown,
}

/** The opcode of `call`. */
export const call = 0x10;
/** The opcode of `return_call`. */
export const returnCall = 0x12;
/** The opcode of `global.get`. */
export const globalGet = 0x23;
/** The opcode of `global.set`. */
export const globalSet = 0x24;
/** The opcode of `memory.size`. */
export const memorySize = 0x3f;
/** The opcode of `memory.grow`. */
export const memoryGrow = 0x40;

/** How to skip the immediates of an instruction. */
enum Immediates {
  unknown,
  none,
  one,
  two,
  memory,
  memoryAndLane,
  lane,
  fourBytes,
  eightBytes,
  sixteenBytes,
  block,
  branchTable,
  catches,
  types,
  heapType,
  cast,
}

interface Instructions {
  readonly immediates: Uint8Array;
  readonly effects: Uint8Array;
}

/** First opcode, last opcode, immediates, and the effect unless it is plain. */
type Row = readonly [from: number, to: number, immediates: Immediates, effect?: Effect];

const { none, one, two, memory, memoryAndLane, lane } = Immediates;

const single = table([
  [0x00, 0x01, none], // unreachable, nop
  [0x02, 0x04, Immediates.block, Effect.opens], // block, loop, if
  [0x05, 0x05, none], // else
  [0x06, 0x06, Immediates.block, Effect.opens], // try (legacy exceptions)
  [0x07, 0x09, one], // catch, throw, rethrow
  [0x0a, 0x0a, none], // throw_ref
  [0x0b, 0x0b, none, Effect.closes], // end
  [0x0c, 0x0d, one], // br, br_if
  [0x0e, 0x0e, Immediates.branchTable],
  [0x0f, 0x0f, none], // return
  [0x10, 0x10, one], // call
  [0x11, 0x11, two, Effect.writes], // call_indirect
  [0x12, 0x12, one], // return_call
  [0x13, 0x13, two, Effect.writes], // return_call_indirect
  [0x14, 0x15, one, Effect.writes], // call_ref, return_call_ref
  [0x18, 0x18, one, Effect.closes], // delegate (legacy exceptions)
  [0x19, 0x19, none], // catch_all
  [0x1a, 0x1b, none], // drop, select
  [0x1c, 0x1c, Immediates.types], // select with types
  [0x1f, 0x1f, Immediates.catches, Effect.opens], // try_table
  [0x20, 0x25, one], // local.get, .set, .tee, global.get, .set, table.get
  [0x26, 0x26, one, Effect.lasting], // table.set
  [0x28, 0x35, memory], // loads
  [0x36, 0x3e, memory, Effect.writes], // stores
  [0x3f, 0x3f, one], // memory.size
  [0x40, 0x40, one, Effect.writes], // memory.grow
  [0x41, 0x42, one], // i32.const, i64.const
  [0x43, 0x43, Immediates.fourBytes],
  [0x44, 0x44, Immediates.eightBytes],
  [0x45, 0xc4, none], // numeric
  [0xd0, 0xd0, Immediates.heapType], // ref.null
  [0xd1, 0xd1, none], // ref.is_null
  [0xd2, 0xd2, one], // ref.func
  [0xd3, 0xd4, none], // ref.eq, ref.as_non_null
  [0xd5, 0xd6, one], // br_on_null, br_on_non_null
]);

/** 0xFB: objects. A write to an object lasts as long as the object does, and a table or a segment may hold it. */
const objects = table([
  [0x00, 0x01, one], // struct.new, .new_default
  [0x02, 0x04, two], // struct.get, .get_s, .get_u
  [0x05, 0x05, two, Effect.lasting], // struct.set
  [0x06, 0x07, one], // array.new, .new_default
  [0x08, 0x0a, two], // array.new_fixed, .new_data, .new_elem
  [0x0b, 0x0d, one], // array.get, .get_s, .get_u
  [0x0e, 0x0e, one, Effect.lasting], // array.set
  [0x0f, 0x0f, none], // array.len
  [0x10, 0x10, one, Effect.lasting], // array.fill
  [0x11, 0x13, two, Effect.lasting], // array.copy, .init_data, .init_elem
  [0x14, 0x17, Immediates.heapType], // ref.test, ref.cast
  [0x18, 0x19, Immediates.cast], // br_on_cast, br_on_cast_fail
  [0x1a, 0x1e, none], // any.convert_extern, extern.convert_any, ref.i31, i31.get_s, .get_u
]);

/** 0xFC: saturating truncation, bulk memory, tables. */
const bulk = table([
  [0x00, 0x07, none], // trunc_sat
  [0x08, 0x08, two, Effect.writes], // memory.init
  [0x09, 0x09, one, Effect.lasting], // data.drop
  [0x0a, 0x0a, two, Effect.writes], // memory.copy
  [0x0b, 0x0b, one, Effect.writes], // memory.fill
  [0x0c, 0x0c, two, Effect.lasting], // table.init
  [0x0d, 0x0d, one, Effect.lasting], // elem.drop
  [0x0e, 0x0e, two, Effect.lasting], // table.copy
  [0x0f, 0x0f, one, Effect.lasting], // table.grow
  [0x10, 0x10, one], // table.size
  [0x11, 0x11, one, Effect.lasting], // table.fill
]);

/** 0xFD: vectors, the relaxed ones included. */
const vectors = table([
  [0x00, 0x0a, memory], // loads
  [0x0b, 0x0b, memory, Effect.writes], // v128.store
  [0x0c, 0x0d, Immediates.sixteenBytes], // v128.const, i8x16.shuffle
  [0x0e, 0x14, none], // swizzle, splats
  [0x15, 0x22, lane], // extract_lane, replace_lane
  [0x23, 0x53, none],
  [0x54, 0x57, memoryAndLane], // load_lane
  [0x58, 0x5b, memoryAndLane, Effect.writes], // store_lane
  [0x5c, 0x5d, memory], // load32_zero, load64_zero
  [0x5e, 0x113, none],
]);

/** 0xFE: atomics (threads proposal). */
const atomics = table([
  [0x00, 0x02, memory], // notify, wait32, wait64
  [0x03, 0x03, lane], // fence, with a reserved byte
  [0x10, 0x16, memory], // loads
  [0x17, 0x4e, memory, Effect.writes], // stores, read-modify-write
]);

const prefixed: Readonly<Record<number, Instructions>> = { 251: objects, 252: bulk, 253: vectors, 254: atomics };

/**
 * Instructions that a constant expression may hold; all others are refused (core specification, "Constant
 * Expressions").
 */
const constants: ReadonlySet<number> = new Set([
  ...[0x0b, 0x23, 0x41, 0x42, 0x43, 0x44, 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e, 0xd0, 0xd2],
  ...[0xfb00, 0xfb01, 0xfb06, 0xfb07, 0xfb08, 0xfb1a, 0xfb1b, 0xfb1c],
  0xfd0c,
]);

/** Skips one instruction and returns its effect. After an unknown one, the rest cannot be decoded. */
export function skipInstruction(reader: BinaryReader): Effect {
  const opcode = reader.byte();
  const instructions = prefixed[opcode];
  return instructions === undefined ? skip(reader, single, opcode) : skip(reader, instructions, reader.u32());
}

/** Skips a constant expression with its `end`; false when it holds a forbidden or unknown instruction. */
export function skipConstantExpression(reader: BinaryReader): boolean {
  for (;;) {
    const opcode = reader.byte();
    const instructions = prefixed[opcode];
    const second = instructions === undefined ? 0 : reader.u32();
    if (second > 0xff || !constants.has(instructions === undefined ? opcode : opcode * 256 + second)) return false;
    const effect = instructions === undefined ? skip(reader, single, opcode) : skip(reader, instructions, second);
    if (effect === Effect.closes) return true;
    if (effect !== Effect.plain) return false;
  }
}

/** Skips a value type; false when it is unknown. */
export function skipValueType(reader: BinaryReader): boolean {
  const type = reader.byte();
  if (beginsReference(type)) return skipHeapType(reader);
  return (type >= 0x7b && type <= 0x7f) || isAbstractHeapType(type);
}

/** Whether a byte begins a reference with its heap type behind, which may be a type of the module. */
export function beginsReference(byte: number): boolean {
  return byte === 0x63 || byte === 0x64;
}

function isAbstractHeapType(byte: number): boolean {
  return byte >= 0x69 && byte <= 0x74;
}

/** The index of a type, or a built-in type. */
function skipHeapType(reader: BinaryReader): boolean {
  const first = reader.byte();
  if (first >= 0x80) return skipRestOfIndex(reader);
  return first < 0x40 || isAbstractHeapType(first);
}

/** The rest of a positive 33-bit number; a negative one of several bytes is no known type. */
function skipRestOfIndex(reader: BinaryReader): boolean {
  for (let count = 1; count < 5; count++) {
    const byte = reader.byte();
    if (byte < 0x80) return (byte & 0x40) === 0;
  }
  return false;
}

function skipBlockType(reader: BinaryReader): boolean {
  const first = reader.byte();
  if (first >= 0x80) return skipRestOfIndex(reader);
  if (first < 0x40 || first === 0x40) return true;
  if (beginsReference(first)) return skipHeapType(reader);
  return (first >= 0x7b && first <= 0x7f) || isAbstractHeapType(first);
}

function skip(reader: BinaryReader, { immediates, effects }: Instructions, opcode: number): Effect {
  const effect = effects[opcode] ?? Effect.unknown;
  return skipImmediates(reader, immediates[opcode] ?? Immediates.unknown) ? effect : Effect.unknown;
}

function skipImmediates(reader: BinaryReader, immediates: Immediates): boolean {
  switch (immediates) {
    case Immediates.none:
      return true;
    case Immediates.one:
      reader.skipLeb();
      return true;
    case Immediates.two:
      reader.skipLeb();
      reader.skipLeb();
      return true;
    case Immediates.memory:
      return skipMemoryArgument(reader);
    case Immediates.memoryAndLane:
      if (!skipMemoryArgument(reader)) return false;
      reader.skip(1);
      return true;
    case Immediates.lane:
      reader.skip(1);
      return true;
    case Immediates.fourBytes:
      reader.skip(4);
      return true;
    case Immediates.eightBytes:
      reader.skip(8);
      return true;
    case Immediates.sixteenBytes:
      reader.skip(16);
      return true;
    case Immediates.block:
      return skipBlockType(reader);
    case Immediates.branchTable:
      for (let left = reader.u32() + 1; left > 0; left--) reader.skipLeb();
      return true;
    case Immediates.catches:
      return skipBlockType(reader) && skipCatches(reader);
    case Immediates.types:
      for (let left = reader.u32(); left > 0; left--) if (!skipValueType(reader)) return false;
      return true;
    case Immediates.heapType:
      return skipHeapType(reader);
    case Immediates.cast:
      reader.skip(1);
      reader.skipLeb();
      return skipHeapType(reader) && skipHeapType(reader);
    default:
      return false;
  }
}

/** Alignment with the flag of a memory's index, the index, the offset. Other flags belong to unknown proposals. */
function skipMemoryArgument(reader: BinaryReader): boolean {
  const flags = reader.u32();
  if ((flags & ~0x47) !== 0) return false;
  if ((flags & 0x40) !== 0) reader.skipLeb();
  reader.skipLeb();
  return true;
}

/** The clauses of try_table: with a tag or for all, with or without a reference to the exception, and a label. */
function skipCatches(reader: BinaryReader): boolean {
  for (let left = reader.u32(); left > 0; left--) {
    const kind = reader.byte();
    if (kind > 3) return false;
    if (kind <= 1) reader.skipLeb();
    reader.skipLeb();
  }
  return true;
}

function table(rows: readonly Row[]): Instructions {
  const count = Math.max(...rows.map(([, to]) => to)) + 1;
  const immediates = new Uint8Array(count);
  const effects = new Uint8Array(count).fill(Effect.unknown);
  for (const [from, to, kind, effect = Effect.plain] of rows) {
    immediates.fill(kind, from, to + 1);
    effects.fill(effect, from, to + 1);
  }
  return { immediates, effects };
}
