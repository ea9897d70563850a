// Looks through a core module's code for what a reset cannot undo: a changed table, a dropped segment, a changed object.
import { BinaryReader, type Section } from "../interface/binary.js";
import { Effect, skipInstruction, skipValueType } from "./instructions.js";

/**
 * True when the code in `section` holds no instruction whose effect outlives memory and globals (`Effect.lasting`). An instruction
 * or a type that is not known counts as one, and so does a body that does not end where it says.
 */
export function isResettable(core: Uint8Array, section: Section): boolean {
  const reader = new BinaryReader(core, section);
  for (let left = reader.u32(); left > 0; left--) {
    const size = reader.u32();
    const start = reader.offset;
    reader.skip(size);
    const body = new BinaryReader(core, { start, end: reader.offset });
    if (!skipLocals(body) || !scanBody(body)) return false;
  }
  return reader.done;
}

function skipLocals(reader: BinaryReader): boolean {
  for (let left = reader.u32(); left > 0; left--) {
    reader.u32();
    if (!skipValueType(reader)) return false;
  }
  return true;
}

/** The last `end` closes the body itself, and stands at its last byte. */
function scanBody(reader: BinaryReader): boolean {
  for (let depth = 1; depth > 0; ) {
    const effect = skipInstruction(reader);
    if (effect === Effect.opens) depth++;
    else if (effect === Effect.closes) depth--;
    else if (effect !== Effect.plain) return false;
  }
  return reader.done;
}
