// Scans a core module's code for effects that a reset cannot undo: a changed table, a dropped segment, a changed
// object.
import { BinaryReader, type Section } from "../../interface/binary.js";
import { moduleBounds, within } from "../../interface/bounds.js";
import { Effect, skipInstruction, skipValueType } from "./instructions.js";

/**
 * True when the code in `section` holds no instruction whose effect outlives memory and globals (`Effect.lasting`). An
 * unknown instruction or type counts as such an effect, and so does a body that does not end where it declares. The
 * nesting of blocks is checked in all code, since the engine keeps the values of each open block. Throws HerdError
 * `source.invalid` beyond the bound.
 */
export function isResettable(core: Uint8Array, section: Section): boolean {
  const reader = new BinaryReader(core, section);
  let resettable = true;
  for (let left = reader.u32(); left > 0; left--) {
    const size = reader.u32();
    const start = reader.offset;
    reader.skip(size);
    const body = new BinaryReader(core, { start, end: reader.offset });
    const isKnown = skipLocals(body) && scanBody(body);
    resettable &&= isKnown;
  }
  return resettable && reader.done;
}

function skipLocals(reader: BinaryReader): boolean {
  for (let left = reader.u32(); left > 0; left--) {
    reader.u32();
    if (!skipValueType(reader)) return false;
  }
  return true;
}

/** The last `end` closes the body itself, and is its last byte. */
function scanBody(reader: BinaryReader): boolean {
  let resettable = true;
  for (let depth = 1; depth > 0; ) {
    const effect = skipInstruction(reader);
    if (effect === Effect.opens) within(moduleBounds.nesting, ++depth);
    else if (effect === Effect.closes) depth--;
    else if (effect === Effect.lasting) resettable = false;
    else if (effect !== Effect.plain) {
      // The rest cannot be decoded: each two bytes of it may open a block.
      within(moduleBounds.nesting, depth + Math.ceil((reader.end - reader.offset) / 2));
      return false;
    }
  }
  return resettable && reader.done;
}
