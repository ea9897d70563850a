// Text from bytes that somebody else wrote, or the place where they stop being UTF-8.
import { isUtf8 } from "node:buffer";

/** The first byte that is wrong, counted from 0, and its line and column, counted from 1. */
interface InvalidByte {
  readonly byte: number;
  readonly line: number;
  readonly column: number;
  /** The place in words. */
  readonly detail: string;
}

/** `bytes` as text, without a byte order mark; throws what `refuse` makes of the first fault. */
export function utf8Text(bytes: Uint8Array, refuse: (at: InvalidByte) => Error): string {
  if (!isUtf8(bytes)) throw refuse(invalidByte(bytes));
  return new TextDecoder().decode(bytes);
}

function invalidByte(bytes: Uint8Array): InvalidByte {
  const byte = invalidUtf8At(bytes);
  const before = Buffer.from(bytes.buffer, bytes.byteOffset, byte).toString("utf8");
  const lineStart = before.lastIndexOf("\n") + 1;
  const [line, column] = [before.split("\n").length, before.length - lineStart + 1];
  const wide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  const detail = wide ? "is UTF-16, not UTF-8" : `is not UTF-8 (at byte ${byte}, line ${line}, column ${column})`;
  return { byte, line, column, detail };
}

/** Searched piece by piece, so that a large hostile body costs one pass. */
const pieceBytes = 16_384;

/** Offset of the first byte of `bytes` that does not belong to a valid character; its length when all do. */
export function invalidUtf8At(bytes: Uint8Array): number {
  let start = 0;
  while (start < bytes.length) {
    const end = characterStart(bytes, start + pieceBytes);
    if (!isUtf8(bytes.subarray(start, end))) return start + invalidIn(bytes.subarray(start, end));
    start = end;
  }
  return start;
}

/** `offset`, or up to three bytes before it where a character begins; the length when that is less. */
function characterStart(bytes: Uint8Array, offset: number): number {
  if (offset >= bytes.length) return bytes.length;
  for (let back = 0; back < 4; back++) if (((bytes[offset - back] ?? 0) & 0xc0) !== 0x80) return offset - back;
  return offset;
}

function invalidIn(piece: Uint8Array): number {
  /** A prefix of whole characters and at most the beginning of one more. */
  const isSound = (length: number): boolean =>
    [0, 1, 2, 3].some((back) => back <= length && isUtf8(piece.subarray(0, length - back)));
  let [sound, unsound] = [0, piece.length + 1];
  while (unsound - sound > 1) {
    const middle = (sound + unsound) >>> 1;
    if (isSound(middle)) sound = middle;
    else unsound = middle;
  }
  while (!isUtf8(piece.subarray(0, sound))) sound--;
  return sound;
}
