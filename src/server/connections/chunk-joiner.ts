// Joins the small chunks of a body before they are kept: a chunk of a single byte costs some 250 bytes of memory.

/** Bytes of a joined piece, and the most bytes of one body that wait. */
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
   * Adds a chunk. Returns the pieces to pass on now; the caller copies them at once. The last chunk is never joined,
   * and comes last.
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
