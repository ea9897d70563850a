// Digests of record ids: two nodes compare these first, so that equal sets cost one small message.

import type { RecordStore } from "../ports.js";

/** A kind of records, how many there are, and the exclusive or of the first 128 bits of their ids, in hex. */
export type KindDigest = readonly [kind: string, count: number, ids: string];

/**
 * The digest of a store; the order of its ids does not matter. The exclusive or is no cryptographic hash: a signer of
 * hundreds of records can make the digests of two different sets equal. A comparison by ids then finds the difference.
 */
export function digestOf(store: Pick<RecordStore, "kind" | "ids">): KindDigest {
  const words = new Uint32Array(4);
  let count = 0;
  for (const id of store.ids()) {
    count += 1;
    for (let word = 0; word < 4; word++) {
      words[word] = (words[word] ?? 0) ^ Number.parseInt(id.slice(word * 8, word * 8 + 8), 16);
    }
  }
  return [store.kind, count, [...words].map((word) => word.toString(16).padStart(8, "0")).join("")];
}

/** The kinds whose digests differ at a peer, in the order of `own`. A kind that the peer does not name is left out. */
export function differing(own: readonly KindDigest[], peer: unknown): string[] {
  if (!Array.isArray(peer) || peer.length > 64) return [];
  const theirs = new Map<unknown, readonly unknown[]>();
  for (const line of peer as unknown[]) if (Array.isArray(line)) theirs.set(line[0], line);
  return own.flatMap(([kind, count, ids]) => {
    const line = theirs.get(kind);
    return line === undefined || (line[1] === count && line[2] === ids) ? [] : [kind];
  });
}
