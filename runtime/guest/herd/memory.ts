// Memory that crosses the canonical ABI: an arena outside the garbage collector, released once the result was read.

const headerBytes: usize = 16;
let newest: usize = 0;

/** Memory for a result; `size` bytes, 16-byte aligned. */
export function allocate(size: usize): usize {
  const block = heap.alloc(size + headerBytes);
  store<usize>(block, newest);
  newest = block;
  return block + headerBytes;
}

/** `cabi_realloc` of the canonical ABI; an outgrown block stays in the arena. */
export function reallocate(old: usize, oldSize: usize, align: usize, size: usize): usize {
  const fresh = allocate(size);
  if (old != 0) memory.copy(fresh, old, min(oldSize, size));
  return fresh;
}

/** Frees every block (`cabi_post_…`, or the end of a call whose result needs none). */
export function release(): void {
  while (newest != 0) {
    const block = newest;
    newest = load<usize>(block);
    heap.free(block);
  }
}
