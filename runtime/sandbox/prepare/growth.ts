// Growth that a reset undoes. Memory cannot shrink, so a guest's own count of its pages stands in for the memory's
// size: a global that a reset sets back. What was grown stays, zeroed, for the next call that grows.
import { leb128 as leb } from "../../interface/binary.js";
import type { CodeShift } from "../prepared-revision.js";
import type { FunctionBody } from "./code-scan.js";
import { call, globalGet, globalSet, memoryGrow, memorySize } from "./instructions.js";

/** Bytes of either instruction with its memory index. */
const siteBytes = 2;

/** Indices of what stands in for the memory's size. */
interface GrowthIndices {
  /** The function that stands in for `memory.grow`. */
  readonly grow: number;
  /** The guest's count of pages. */
  readonly pages: number;
}

/** The content of a rewritten code section, and where its bytes moved. */
export interface RewrittenCode {
  readonly parts: readonly Uint8Array[];
  readonly shifts: readonly CodeShift[];
}

/** The code that is rewritten: offsets count from the start of the module. */
interface OriginalCode {
  readonly start: number;
  readonly bodies: readonly FunctionBody[];
  /** Each `memory.size` and `memory.grow`, in order; none where they stay. */
  readonly sites: readonly number[];
  readonly indices: GrowthIndices;
  /** Bodies of more functions. */
  readonly added: readonly Uint8Array[];
}

/** The code section's content with the instructions at `sites` replaced and functions added. */
export function rewriteCode(core: Uint8Array, { start, bodies, sites, indices, added }: OriginalCode): RewrittenCode {
  const content = new CodeWriter(start);
  content.add(leb(bodies.length + added.length));
  const read = Buffer.concat([Buffer.of(globalGet), leb(indices.pages)]);
  const grow = Buffer.concat([Buffer.of(call), leb(indices.grow)]);
  let site = 0;
  for (const body of bodies) {
    const parts: Uint8Array[] = [];
    const starts: number[] = [];
    let from = body.start;
    for (; (sites[site] ?? Number.POSITIVE_INFINITY) < body.end; site++) {
      const at = sites[site] ?? 0;
      parts.push(core.subarray(from, at), core[at] === memorySize ? read : grow);
      starts.push(from);
      from = at + siteBytes;
    }
    parts.push(core.subarray(from, body.end));
    starts.push(from);
    content.add(leb(parts.reduce((sum, part) => sum + part.length, 0)));
    for (const [index, part] of parts.entries()) {
      if (index % 2 === 0) content.stands(starts[index / 2] ?? 0);
      content.add(part);
    }
  }
  for (const body of added) {
    content.add(leb(body.length));
    content.add(body);
  }
  return content;
}

/** Writes code, and notes where its bytes stood. */
class CodeWriter implements RewrittenCode {
  readonly parts: Uint8Array[] = [];
  readonly shifts: CodeShift[] = [];
  readonly #start: number;
  #length = 0;
  #moved = 0;

  /** `start` is where the original's content begins. */
  constructor(start: number) {
    this.#start = start;
  }

  add(part: Uint8Array): void {
    this.parts.push(part);
    this.#length += part.length;
  }

  /** The next byte stood at that offset of the original module. */
  stands(offset: number): void {
    const moved = this.#length - (offset - this.#start);
    if (moved === this.#moved) return;
    this.#moved = moved;
    this.shifts.push({ offset: this.#length, moved });
  }
}

/**
 * The body of `(i32) -> i32` that stands in for `memory.grow`: the memory itself grows only beyond what an earlier call
 * left.
 */
export function growFunction(pages: number): Uint8Array {
  const [delta, old, wanted] = [0, 1, 2].map((index) => leb(index)) as [Uint8Array, Uint8Array, Uint8Array];
  const count = leb(pages);
  const failed = Buffer.of(0x41, 0x7f, 0x0f); // i32.const -1, return
  return Buffer.concat([
    Buffer.of(1, 2, 0x7f), // two locals of type i32
    // wanted = delta + (old = pages)
    ...[Buffer.of(0x20), delta, Buffer.of(globalGet), count, Buffer.of(0x22), old, Buffer.of(0x6a, 0x22), wanted],
    // if (wanted < old) return -1: the sum overflowed
    ...[Buffer.of(0x20), old, Buffer.of(0x49, 0x04, 0x40), failed, Buffer.of(0x0b)],
    // if (wanted > memory.size
    ...[Buffer.of(0x20), wanted, Buffer.of(memorySize, 0, 0x4b, 0x04, 0x40)],
    // && memory.grow(wanted - memory.size) == -1) return -1
    ...[Buffer.of(0x20), wanted, Buffer.of(memorySize, 0, 0x6b, memoryGrow, 0, 0x41, 0x7f, 0x46, 0x04, 0x40)],
    ...[failed, Buffer.of(0x0b, 0x0b)],
    // pages = wanted; return old
    ...[Buffer.of(0x20), wanted, Buffer.of(globalSet), count, Buffer.of(0x20), old, Buffer.of(0x0b)],
  ]);
}
