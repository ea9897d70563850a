// WebAssembly binaries, which may be hostile: every read is checked against the end of its range.
import { HerdError } from "../../src/core/errors.js";
import { type Bound, moduleBounds, within } from "./bounds.js";

/** A cursor over `bytes` from `offset` to `end`; a read past the end throws HerdError `source.invalid`. */
export class BinaryReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  offset: number;

  constructor(bytes: Uint8Array, range: { readonly start: number; readonly end: number }) {
    this.bytes = bytes;
    this.offset = range.start;
    this.end = Math.min(range.end, bytes.length);
  }

  /** True when nothing is left. */
  get done(): boolean {
    return this.offset >= this.end;
  }

  /** One byte. */
  byte(): number {
    const value = this.offset < this.end ? this.bytes[this.offset] : undefined;
    if (value === undefined) this.fail("is cut off");
    this.offset++;
    return value;
  }

  /** The next byte, without consuming it; undefined at the end. */
  peek(): number | undefined {
    return this.offset < this.end ? this.bytes[this.offset] : undefined;
  }

  /** An unsigned LEB128 of at most 32 bits (core specification, "Integers"). */
  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (value > 0xffff_ffff) break;
        return value;
      }
    }
    return this.fail("holds a number that is too long");
  }

  /** A {@link u32} that is a count, within its bound. */
  count(bound: Bound): number {
    return within(bound, this.u32());
  }

  /** Skips a signed or unsigned LEB128 of at most 64 bits. */
  skipLeb(): void {
    for (let count = 0; count < 10; count++) if (this.byte() < 0x80) return;
    this.fail("holds a number that is too long");
  }

  /** Skips `count` bytes. */
  skip(count: number): void {
    if (count > this.end - this.offset) this.fail("is cut off");
    this.offset += count;
  }

  /** A UTF-8 name with its length before it. */
  name(bound: Bound = moduleBounds.nameBytes): string {
    const length = this.count(bound);
    const start = this.offset;
    this.skip(length);
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, length).toString("utf8");
  }

  /** Throws a refusal: the binary `what`, at the current offset. */
  fail(what: string): never {
    throw new HerdError("source.invalid", `the component ${what} (at byte ${this.offset})`);
  }
}

const preambleBytes = 8;

/** One section of a component or a core module: its id and the range of its content. */
export interface Section {
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

/** The sections of `binary`, in order (core specification, "Modules"; component-model Binary.md). */
export function* readSections(binary: Uint8Array, bound: Bound = moduleBounds.moduleSections): Generator<Section> {
  const reader = new BinaryReader(binary, { start: preambleBytes, end: binary.length });
  for (let count = 1; !reader.done; count++) {
    within(bound, count);
    const id = reader.byte();
    const size = reader.u32();
    const start = reader.offset;
    reader.skip(size);
    yield { id, start, end: reader.offset };
  }
}

/** `value` as an unsigned LEB128. */
export function leb128(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return Buffer.from(bytes);
}
