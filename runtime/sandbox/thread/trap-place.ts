// The place in the source where a guest trapped: offsets in the engine's stack, looked up in the places that its
// component carries.
import { findPlace } from "../../interface/places.js";
import type { TrapPlaces } from "../prepared-revision.js";

/**
 * Frames of a stack that are kept. The library's frames are above the user's own: sorting, for example, is a handful
 * deep, and an overflowed stack repeats itself.
 */
export const keptFrames = 64;

const frame = /wasm-function\[\d+\]:0x([0-9a-f]{1,8})/g;

/**
 * `file:line:column` of the innermost place of the app's own sources in the stack of `error`; undefined when none is
 * known.
 */
export function trapPlace(error: unknown, places: TrapPlaces | undefined): string | undefined {
  if (places === undefined || !(error instanceof Error) || error.stack === undefined) return undefined;
  const offsets: number[] = [];
  for (const [, digits = ""] of error.stack.matchAll(frame)) {
    if (offsets.length === keptFrames) break;
    const offset = Number.parseInt(digits, 16) - places.codeStart;
    const moved = places.shifts.findLast((shift) => shift.offset <= offset)?.moved ?? 0;
    offsets.push(offset - moved);
  }
  try {
    const place = findPlace(places.section, offsets);
    return place && `${place.file}:${place.line}:${place.column}`;
  } catch {
    // The component's places are invalid: the trap is reported without a place.
    return undefined;
  }
}
