// A value that its type does not allow: the glue returns step by step from its place, and writes the path from the end.
import { failWith } from "./abort";
import { allocate } from "./memory";

const capacity: usize = 8192;
/** Kept for the length, the root's name and what marks a cut. */
const reserved: usize = 64;
const keyUnits: i32 = 64;
let block: usize = 0;
let start: usize = 0;

/** Begins the message: a null where `type` allows none. True, as all steps are: they stand in the glue's returns. */
export function isNull(type: string): bool {
  begin();
  return before(" does not allow it") && before(type) && before(" is null but its type ");
}

/** Begins the message: a value that no member of the enum `type` has. */
export function isForeign(type: string): bool {
  begin();
  return before(type) && before(" is none of the members of ");
}

/** The value is the field `name` of the one that is named next. */
export function inField(name: string): bool {
  return before(name) && before(".");
}

/** The value is element `index` of the one that is named next. */
export function atIndex(index: i32): bool {
  before("]");
  if (start < block + reserved + 32) return true;
  do {
    start -= 2;
    store<u16>(start, <u16>(48 + (index % 10)));
    index /= 10;
  } while (index > 0);
  return before("[");
}

/** The value stands under `key` in the map that is named next. */
export function atKey(key: string): bool {
  return before('"]') && before(key.length > keyUnits ? "…" : key) && before('["');
}

/** Ends the call: the value belongs to `root`, the result or self. */
export function fail(root: string): void {
  before(root);
  store<u32>(start - 4, <u32>(block + capacity - start));
  failWith(start);
}

/** Ends the call when an argument of a host's function is null: `value` is its address. */
export function checkArgument(value: usize, name: string, type: string): void {
  if (value != 0) return;
  isNull(type);
  fail(name);
}

function begin(): void {
  block = allocate(capacity);
  start = block + capacity;
}

/** Puts `text` in front. What has no room is left out: no path of sane names comes near. */
function before(text: string): bool {
  const bytes = <usize>text.length << 1;
  if (start < block + reserved + bytes) return true;
  start -= bytes;
  memory.copy(start, changetype<usize>(text), bytes);
  return true;
}
