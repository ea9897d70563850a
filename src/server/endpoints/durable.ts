// How an answer tells that a change holds, and that the disk has not taken it yet.

import type { Exchange } from "../http/exchange.js";
import type { Storage } from "./node-state.js";

/** Sets `herd-durable: false` while something waits in memory for the disk; tells whether nothing does. */
export function tellDurable(exchange: Pick<Exchange, "outgoing">, storage: Storage | undefined): boolean {
  const durable = (storage?.paths().length ?? 0) === 0;
  if (!durable) exchange.outgoing.header("herd-durable", "false");
  return durable;
}
