// Where a body stops being UTF-8.
import { isUtf8 } from "node:buffer";

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
