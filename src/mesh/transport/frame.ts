// Frames: one MessagePack value each, behind its length in four bytes. A length is bounded before it is used.

import { Packr, Unpackr } from "msgpackr";
import { flawOf } from "./msgpack-scan.js";

/**
 * The largest frame, in bytes without its length: 8 MiB of content (a call's arguments, an upload) and 64 KiB for what
 * stands around it.
 */
export const maxFrameBytes = 8 * 1024 * 1024 + 64 * 1024;

/** Bytes of the length before a frame: unsigned, big-endian. */
export const lengthBytes = 4;

const firstBufferBytes = 64 * 1024;

/** Bytes that are no frame. The message gives the reason and may be logged and sent to the peer. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

// Plain maps and arrays: records and extensions would let a peer define state in our decoder.
const packr = new Packr({ useRecords: false, encodeUndefinedAsNil: true, int64AsType: "number" });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: "number" });

/** A value as a frame's bytes. Throws `RangeError` when it does not fit, and the encoder's error for other values. */
export function encodeFrame(value: unknown): Uint8Array {
  const frame = packr.pack(value);
  if (frame.length > maxFrameBytes)
    throw new RangeError(`a frame of ${frame.length} bytes: ${maxFrameBytes} are allowed`);
  return frame;
}

/**
 * The value of a frame: numbers, text, booleans, null, `Uint8Array`s that share the frame's memory, arrays and plain
 * objects. Throws {@link FrameError}.
 */
export function decodeFrame(frame: Uint8Array): unknown {
  const flaw = flawOf(frame);
  if (flaw !== undefined) throw new FrameError(`a frame cannot be read: ${flaw}`);
  try {
    return unpackr.unpack(frame);
  } catch (error) {
    throw new FrameError("a frame cannot be read", { cause: error });
  }
}

/** Cuts a stream of bytes into frames. Copies a byte at most twice, and only bytes of frames that come in pieces. */
export class FrameReader {
  readonly #deliver: (frame: Uint8Array) => void;
  readonly #head = Buffer.alloc(lengthBytes);
  #headBytes = 0;
  /** The incomplete frame: its length, the bytes that came, and a buffer that grows with the bytes that really came. */
  #length = 0;
  #filled = 0;
  #buffer: Buffer | undefined;

  constructor(deliver: (frame: Uint8Array) => void) {
    this.#deliver = deliver;
  }

  /**
   * Takes the next bytes, whose memory the reader may hand on. Throws {@link FrameError} for a length out of bounds.
   */
  push(chunk: Buffer): void {
    let position = 0;
    while (position < chunk.length) {
      if (this.#buffer === undefined) {
        position = this.#readLength(chunk, position);
        if (this.#headBytes < lengthBytes) return;
        this.#headBytes = 0;
        if (chunk.length - position >= this.#length) {
          const frame = chunk.subarray(position, position + this.#length);
          position += this.#length;
          this.#deliver(frame);
          continue;
        }
        this.#buffer = Buffer.allocUnsafeSlow(
          Math.min(this.#length, Math.max(firstBufferBytes, chunk.length - position)),
        );
        this.#filled = 0;
      }
      position = this.#fill(this.#buffer, chunk, position);
    }
  }

  #readLength(chunk: Buffer, from: number): number {
    let position = from;
    while (this.#headBytes < lengthBytes && position < chunk.length) {
      this.#head[this.#headBytes++] = chunk[position++] as number;
    }
    if (this.#headBytes === lengthBytes) {
      this.#length = this.#head.readUInt32BE();
      if (this.#length > maxFrameBytes) throw new FrameError(`a frame of ${this.#length} bytes was announced`);
      if (this.#length === 0) throw new FrameError("an empty frame was announced");
    }
    return position;
  }

  #fill(buffer: Buffer, chunk: Buffer, from: number): number {
    const take = Math.min(this.#length - this.#filled, chunk.length - from);
    let target = buffer;
    if (this.#filled + take > target.length) {
      target = Buffer.allocUnsafeSlow(Math.min(this.#length, Math.max(this.#filled + take, target.length * 2)));
      buffer.copy(target, 0, 0, this.#filled);
      this.#buffer = target;
    }
    chunk.copy(target, this.#filled, from, from + take);
    this.#filled += take;
    if (this.#filled === this.#length) {
      this.#buffer = undefined;
      this.#deliver(target.subarray(0, this.#length));
    }
    return from + take;
  }
}

/** Frames in one piece, each behind its length, for one write. */
export function joinFrames(frames: readonly Uint8Array[]): Buffer {
  let total = 0;
  for (const frame of frames) total += lengthBytes + frame.length;
  const joined = Buffer.allocUnsafe(total);
  let position = 0;
  for (const frame of frames) {
    joined.writeUInt32BE(frame.length, position);
    joined.set(frame, position + lengthBytes);
    position += lengthBytes + frame.length;
  }
  return joined;
}
