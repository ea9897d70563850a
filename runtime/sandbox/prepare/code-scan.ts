// Scans a core module's code for effects that a reset cannot undo (a changed table, a dropped segment, a changed
// object), for the instructions that tell or change the memory's size, and for the functions that change memory.
import { BinaryReader, type Section } from "../../interface/binary.js";
import { moduleBounds, within } from "../../interface/bounds.js";
import { call, Effect, memoryGrow, memorySize, returnCall, skipInstruction, skipValueType } from "./instructions.js";

/** With more sites than these, growth is not reset: each costs memory where the module is rewritten. */
const maxSites = 10_000;
/** So many calls are followed; a function with a later one counts as one that changes memory. */
const maxCalls = 1_000_000;

/** A function's locals and code. */
export interface FunctionBody {
  readonly start: number;
  readonly end: number;
  /** Whether an instruction of its own changes memory, or may. */
  readonly writes: boolean;
  /** Functions that it calls by their index, some of them more than once. */
  readonly callees: readonly number[];
}

/** What a scan found; offsets count from the start of the module. */
export interface CodeScan {
  /** Start of the section's content. */
  readonly start: number;
  /** False when the code holds an instruction whose effect outlives memory and globals, or may. */
  readonly resettable: boolean;
  readonly bodies: readonly FunctionBody[];
  /** Each `memory.size` and `memory.grow`, in order; undefined when they are many, or one is not of the common form. */
  readonly sites: readonly number[] | undefined;
}

/**
 * Scans the code in `section`. An unknown instruction or type counts as one of lasting effect (`Effect.lasting`), and
 * so does a body that does not end where it declares. The nesting of blocks is checked in all code, since the engine
 * keeps the values of each open block. Throws HerdError `source.invalid` beyond the bound.
 */
export function scanCode(core: Uint8Array, section: Section): CodeScan {
  const reader = new BinaryReader(core, section);
  const bodies: FunctionBody[] = [];
  const sites: number[] = [];
  let resettable = true;
  let calls = 0;
  for (let left = reader.u32(); left > 0; left--) {
    const size = reader.u32();
    const start = reader.offset;
    reader.skip(size);
    const body = new BinaryReader(core, { start, end: reader.offset });
    const callees: number[] = [];
    const found = skipLocals(body) ? scanBody(body, { sites, callees }) : unknown;
    calls += callees.length;
    const isFollowed = calls <= maxCalls;
    bodies.push({
      start,
      end: reader.offset,
      writes: found.writes || !isFollowed,
      callees: isFollowed ? callees : [],
    });
    resettable &&= found.resettable;
  }
  const isCommon = sites.length <= maxSites && sites.every((at) => core[at + 1] === 0);
  return {
    start: section.start,
    resettable: resettable && reader.done,
    bodies,
    sites: isCommon ? sites : undefined,
  };
}

function skipLocals(reader: BinaryReader): boolean {
  for (let left = reader.u32(); left > 0; left--) {
    reader.u32();
    if (!skipValueType(reader)) return false;
  }
  return true;
}

interface BodyEffects {
  readonly resettable: boolean;
  readonly writes: boolean;
}

const unknown: BodyEffects = { resettable: false, writes: true };

/**
 * The last `end` closes the body itself, and is its last byte. Adds the places that tell or change the size, and the
 * functions that are called.
 */
function scanBody(
  reader: BinaryReader,
  { sites, callees }: { readonly sites: number[]; readonly callees: number[] },
): BodyEffects {
  let resettable = true;
  let writes = false;
  for (let depth = 1; depth > 0; ) {
    const at = reader.offset;
    const opcode = reader.peek();
    if (opcode === call || opcode === returnCall) {
      reader.skip(1);
      callees.push(reader.u32());
      continue;
    }
    const effect = skipInstruction(reader);
    if ((opcode === memorySize || opcode === memoryGrow) && sites.length <= maxSites) sites.push(at);
    if (effect === Effect.opens) within(moduleBounds.nesting, ++depth);
    else if (effect === Effect.closes) depth--;
    else if (effect === Effect.lasting) resettable = false;
    else if (effect === Effect.writes) writes = true;
    else if (effect !== Effect.plain) {
      // The rest cannot be decoded: each two bytes of it may open a block.
      within(moduleBounds.nesting, depth + Math.ceil((reader.end - reader.offset) / 2));
      return unknown;
    }
  }
  return { resettable: resettable && reader.done, writes };
}
