// Checks MessagePack bytes before a decoder reads them: its loops and allocations follow counts that a peer wrote.

/** Bounds of one frame's content: levels of arrays and maps, and values in all (keys of maps count). */
export const scanLimits = { depth: 16, values: 200_000 } as const;

/**
 * Bytes behind a token from 0xc0 on, without announced ones; -1: no frame may hold it (extensions, the unused token).
 */
const fixedBytes = [
  ...[0, -1, 0, 0], // nil, unused, false, true
  ...[0, 0, 0], // bin 8, 16, 32
  ...[-1, -1, -1], // ext 8, 16, 32
  ...[4, 8], // float 32, 64
  ...[1, 2, 4, 8, 1, 2, 4, 8], // uint and int 8, 16, 32, 64
  ...[-1, -1, -1, -1, -1], // fixext 1 to 16
  ...[0, 0, 0], // str 8, 16, 32
  ...[0, 0, 0, 0], // array 16, 32, map 16, 32
];

/** Values still to come of each open array or map, and whether it is a map. Reused, since the scan never yields. */
const left = new Uint32Array(scanLimits.depth + 1);
const isMap = new Uint8Array(scanLimits.depth + 1);

/**
 * The flaw of bytes that should be one MessagePack value (the format's specification, without extensions, with text as
 * keys of maps), or `undefined`. The scan's time is bounded by the number of bytes and by {@link scanLimits}, whatever
 * the bytes announce.
 */
export function flawOf(bytes: Uint8Array): string | undefined {
  const end = bytes.length;
  let position = 0;
  let depth = 0;
  for (let values = 1; ; values++) {
    if (position >= end) return "it ends too early";
    if (values > scanLimits.values) return `it holds more than ${scanLimits.values} values`;
    const token = bytes[position++] as number;
    if (depth > 0) {
      const rest = left[depth] as number;
      left[depth] = rest - 1;
      if (isMap[depth] === 1 && rest % 2 === 0 && !isText(token)) return "a key of a map is no text";
    }
    let announced = 0;
    let opens = -1;
    if (token >= 0x80 && token < 0xc0) {
      if (token >= 0xa0) announced = token & 0x1f;
      else opens = token < 0x90 ? (token & 0x0f) * 2 : token & 0x0f;
    } else if (token >= 0xc0 && token < 0xe0) {
      const fixed = fixedBytes[token - 0xc0] as number;
      if (fixed < 0) return `it holds a value of an unknown type (0x${token.toString(16)})`;
      const width = countWidth(token);
      if (position + width > end) return "it ends too early";
      const count = width === 0 ? 0 : readCount(bytes, position, width);
      position += width;
      if (token < 0xdc) announced = fixed + count;
      else opens = token < 0xde ? count : count * 2;
    }
    // Each value takes at least a byte, so a count above the bytes that are left is false.
    if (announced > end - position || opens > end - position) return "it announces more than it holds";
    position += announced;
    if (opens > 0) {
      if (depth === scanLimits.depth) return `it is nested more than ${scanLimits.depth} deep`;
      depth++;
      left[depth] = opens;
      isMap[depth] = token < 0x90 || token >= 0xde ? 1 : 0;
    }
    while (depth > 0 && left[depth] === 0) depth--;
    if (depth === 0) return position === end ? undefined : "something follows its value";
  }
}

function isText(token: number): boolean {
  return (token >= 0xa0 && token < 0xc0) || (token >= 0xd9 && token <= 0xdb);
}

/** How many bytes behind a token hold its count. */
function countWidth(token: number): number {
  if (token >= 0xc4 && token <= 0xc6) return 1 << (token - 0xc4);
  if (token >= 0xd9 && token <= 0xdb) return 1 << (token - 0xd9);
  if (token >= 0xdc) return token % 2 === 0 ? 2 : 4;
  return 0;
}

function readCount(bytes: Uint8Array, position: number, width: number): number {
  let count = 0;
  for (let index = 0; index < width; index++) count = count * 256 + (bytes[position + index] as number);
  return count;
}
