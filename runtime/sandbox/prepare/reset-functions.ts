// Functions that save and restore a module's mutable globals, added to the module: each global gets a second one for
// its saved value.
//
// From JavaScript, a global costs a call into the engine each time (0.05 to 0.1 µs; a small AssemblyScript program has
// 21), NaN may change its bits, and vectors have no value.
import { leb128 as leb } from "../../interface/binary.js";
import { globalGet, globalSet } from "./instructions.js";

const end = 0x0b;

/** The constant expression of a zero or null, by value type. */
const zeros: ReadonlyMap<number, readonly number[]> = new Map([
  [0x7f, [0x41, 0]], // i32.const
  [0x7e, [0x42, 0]], // i64.const
  [0x7d, [0x43, 0, 0, 0, 0]], // f32.const
  [0x7c, [0x44, 0, 0, 0, 0, 0, 0, 0, 0]], // f64.const
  [0x7b, [0xfd, 0x0c, ...Array.from({ length: 16 }, () => 0)]], // v128.const
  [0x70, [0xd0, 0x70]], // ref.null func
  [0x6f, [0xd0, 0x6f]], // ref.null extern
]);

/** A global of a module: its index, and its value type as its byte. */
export interface IndexedGlobal {
  readonly index: number;
  readonly type: number;
}

/** The globals that hold saved values, for the end of the global section. */
export function savedGlobals(globals: readonly IndexedGlobal[]): Uint8Array[] {
  return globals.map(({ type }) => Buffer.of(type, 1, ...(zeros.get(type) ?? []), end));
}

/** The bodies of the two functions, both `() -> ()`; the saved values have the indices from `saved` on. */
export function resetFunctions(
  globals: readonly IndexedGlobal[],
  saved: number,
): { readonly save: Uint8Array; readonly restore: Uint8Array } {
  const body = (copy: (own: Uint8Array, kept: Uint8Array) => readonly Uint8Array[]): Uint8Array =>
    Buffer.concat([
      Buffer.of(0),
      ...globals.flatMap(({ index }, at) => copy(leb(index), leb(saved + at))),
      Buffer.of(end),
    ]);
  const [get, set] = [Buffer.of(globalGet), Buffer.of(globalSet)];
  return {
    save: body((own, kept) => [get, own, set, kept]),
    restore: body((own, kept) => [get, kept, set, own]),
  };
}
