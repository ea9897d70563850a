// Two connections to one peer, opened at once: which of them both sides keep.

import type { Channel } from "./channel.js";

/**
 * Whether `one` is the connection to keep of two open ones to a peer, decided alike on both sides: the one that is
 * valid for longer, then the one that the smaller node id dialled, then the later dial.
 */
export function isBetter(one: Channel, other: Channel): boolean {
  if (one.validUntil !== other.validUntil) return one.validUntil > other.validUntil;
  const [a, b] = [one.dial, other.dial];
  if (a.node !== b.node) return a.node < b.node;
  return a.count > b.count;
}
