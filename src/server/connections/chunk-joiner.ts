// Chunks of a body, joined before anybody keeps them: one of a single byte would cost some 250 bytes of memory.

/** Bytes of a piece, and the most that waits of a body. */
const pieceBytes = 16_384;

/** Joins the small chunks of one body. */
export class ChunkJoiner {
  #piece: Uint8Array<ArrayBuffer> | undefined;
  #bytes = 0;

  /** Bytes that wait to be passed on. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes a chunk, and gives what is to be passed on now, to be copied at once; the last chunk always comes last, as it
   * is.
   */
  add(chunk: ArrayBuffer, isLast: boolean): readonly ArrayBuffer[] {
    const waits = isLast || this.#bytes + chunk.byteLength > pieceBytes ? this.#take() : undefined;
    if (isLast || chunk.byteLength >= pieceBytes) return waits === undefined ? [chunk] : [waits, chunk];
    this.#piece ??= new Uint8Array(pieceBytes);
    this.#piece.set(new Uint8Array(chunk), this.#bytes);
    this.#bytes += chunk.byteLength;
    return waits === undefined ? [] : [waits];
  }

  #take(): ArrayBuffer | undefined {
    if (this.#piece === undefined || this.#bytes === 0) return undefined;
    const waits = this.#piece.buffer.slice(0, this.#bytes);
    this.#bytes = 0;
    return waits;
  }
}
