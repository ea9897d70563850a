// A guest's linear memory as the binding sees it: every address that comes from the guest is checked before use.

import { isWellFormed, toWellFormed } from "../../interface/unicode.js";
import { pageBytes, type WasmFunction, type WasmGlobal, type WasmMemory } from "../web-assembly.js";

/** Thrown for an address from the guest that is outside its memory or not aligned. */
export class InvalidPointer extends Error {
  override readonly name = "InvalidPointer";
  constructor() {
    super("the guest returned an invalid pointer");
  }
}

/** A text of at most so many units is read and written unit by unit. */
const shortText = 24;
/** A text up to this size, in units, is narrowed in memory that is kept. */
const keptUnits = 65_536;
/** Where texts are narrowed; the two quotes included. */
const narrowed = Buffer.alloc(keptUnits + 2);
const quote = 0x22;
const backslash = 0x5c;

/** Reads and writes an instance's memory, also after it grew. */
export class Heap {
  readonly #memory: WasmMemory;
  readonly #realloc: WasmFunction;
  readonly #pages: WasmGlobal | undefined;
  #view: DataView;
  #bytes: Buffer;
  #ownBytes: number;
  #grown = false;
  #allocated = false;

  /** `pages` is the guest's own count of its pages, where it has one: what lies beyond was left by an earlier call. */
  constructor(memory: WasmMemory, { realloc, pages }: { realloc: WasmFunction; pages?: WasmGlobal | undefined }) {
    this.#memory = memory;
    this.#realloc = realloc;
    this.#pages = pages;
    this.#view = new DataView(memory.buffer);
    this.#bytes = Buffer.from(memory.buffer);
    this.#ownBytes = this.#countOwn();
  }

  /** True once the memory grew: it cannot shrink, so the instance cannot become pristine again. */
  get hasGrown(): boolean {
    if (this.#bytes.length === 0) this.#follow();
    return this.#grown;
  }

  /** Whether values were written for the guest since {@link accept}. */
  get hasAllocated(): boolean {
    return this.#allocated;
  }

  /** Makes the memory as it is now the pristine one, in its size and its content. */
  accept(): void {
    if (this.hasGrown) this.#grown = false;
    this.#allocated = false;
    this.#ownBytes = this.#countOwn();
  }

  /** The memory, little-endian. To be read anew after anything that runs the guest. */
  get view(): DataView {
    if (this.#bytes.length === 0) this.#follow();
    return this.#view;
  }

  /** The memory's bytes. To be read anew after anything that runs the guest. */
  get bytes(): Buffer {
    if (this.#bytes.length === 0) this.#follow();
    return this.#bytes;
  }

  /** `pointer` as an address from which `bytes` can be read, aligned; throws {@link InvalidPointer}. */
  range(pointer: number, { bytes, align }: { bytes: number; align: number }): number {
    const address = pointer >>> 0;
    if (address + bytes > this.#ownBytes) this.#ownBytes = this.#countOwn();
    if (address + bytes > this.#ownBytes || (address & (align - 1)) !== 0) throw new InvalidPointer();
    return address;
  }

  /** Address of `size` fresh bytes from the guest's allocator. A guest without that much memory traps. */
  allocate(size: number, align: number): number {
    if (size > 0x7fff_ffff) throw new InvalidPointer();
    this.#allocated = true;
    return this.range(Number(this.#realloc(0, 0, align, size)), { bytes: size, align });
  }

  /** `units` UTF-16 code units from `address` (checked before), lone surrogates replaced. */
  text(address: number, units: number): string {
    if (units > shortText) return toWellFormed(this.bytes.toString("utf16le", address, address + units * 2));
    const { view } = this;
    let text = "";
    let wellFormed = true;
    for (let at = address; at < address + units * 2; at += 2) {
      const unit = view.getUint16(at, true);
      wellFormed &&= !isSurrogate(unit);
      text += String.fromCharCode(unit);
    }
    return wellFormed ? text : toWellFormed(text);
  }

  /**
   * `units` UTF-16 code units from `address` (checked before) as a JSON string, lone surrogates replaced. Most texts
   * are Latin-1 and need no escape: those become a string of one byte a unit without `JSON.stringify`, which halves the
   * time.
   */
  jsonText(address: number, units: number): string {
    if (units <= shortText) return this.#shortJsonText(address, units);
    const codes = new Uint16Array(this.bytes.buffer, address, units);
    if (!isPlain(codes)) return JSON.stringify(this.text(address, units));
    const target = units <= keptUnits ? narrowed : Buffer.allocUnsafeSlow(units + 2);
    target[0] = quote;
    target.set(codes, 1);
    target[units + 1] = quote;
    return target.toString("latin1", 0, units + 2);
  }

  #shortJsonText(address: number, units: number): string {
    const { view } = this;
    const end = address + units * 2;
    for (let at = address; at < end; at += 2)
      if (!isPlainUnit(view.getUint16(at, true))) return JSON.stringify(this.text(address, units));
    // Four at a time: each text on the way is a string of its own.
    let text = '"';
    let at = address;
    for (; at + 6 < end; at += 8)
      text += String.fromCharCode(
        view.getUint16(at, true),
        view.getUint16(at + 2, true),
        view.getUint16(at + 4, true),
        view.getUint16(at + 6, true),
      );
    for (; at < end; at += 2) text += String.fromCharCode(view.getUint16(at, true));
    return `${text}"`;
  }

  /** Writes `text` as UTF-16 at `address`, which was allocated for it; false when it has a lone surrogate. */
  writeText(address: number, text: string): boolean {
    if (text.length > shortText) {
      this.bytes.write(text, address, "utf16le");
      return isWellFormed(text);
    }
    const { view } = this;
    let hasSurrogate = false;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      hasSurrogate ||= isSurrogate(unit);
      view.setUint16(address + index * 2, unit, true);
    }
    return !hasSurrogate || isWellFormed(text);
  }

  #countOwn(): number {
    return this.#pages === undefined ? this.bytes.length : Number(this.#pages.value) * pageBytes;
  }

  /** A growth detaches the old buffer, whose views then have length 0: cheaper to test than the memory's own size. */
  #follow(): void {
    this.#grown = true;
    this.#view = new DataView(this.#memory.buffer);
    this.#bytes = Buffer.from(this.#memory.buffer);
  }
}

function isSurrogate(unit: number): boolean {
  return (unit & 0xf800) === 0xd800;
}

/** Whether a unit is of Latin-1 and stands in a JSON string as it is (RFC 8259, section 7). */
function isPlainUnit(unit: number): boolean {
  return unit >= 0x20 && unit <= 0xff && unit !== quote && unit !== backslash;
}

const pair = 0x0001_0001;

/** Whether all units are plain; two at a time, since a large text has many. */
function isPlain(codes: Uint16Array): boolean {
  const head = (codes.byteOffset & 3) === 0 ? 0 : 1;
  const count = (codes.length - head) >> 1;
  for (const at of [0, codes.length - 1]) if (!isPlainUnit(codes[at] ?? 0)) return false;
  const words = new Int32Array(codes.buffer, codes.byteOffset + head * 2, count);
  for (let index = 0; index < count; index++) {
    const word = words[index] ?? 0;
    if ((word & 0xff00_ff00) !== 0) return false;
    const quotes = word ^ (quote * pair);
    const slashes = word ^ (backslash * pair);
    // A half below n has the top bit after n is subtracted, and had it not before.
    const found = ((quotes - pair) & ~quotes) | ((slashes - pair) & ~slashes) | ((word - 0x20 * pair) & ~word);
    if ((found & 0x8000_8000) !== 0) return false;
  }
  return true;
}
