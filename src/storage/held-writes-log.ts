// The log lines of a disk that takes no more, and of a disk that takes changes again.

import type { Logger } from "../core/log.js";
import type { HeldWrites } from "./held-writes.js";

/** Logs from now on when the first write of the folder `state` is held in memory, and when none is any more. */
export function logHeldWrites(
  held: Pick<HeldWrites, "paths" | "watch">,
  { state, log }: { readonly state: string; readonly log: Logger },
): void {
  const report = (): void => {
    if (held.paths().length === 0) {
      log.warn(`${state} takes changes again: what waited in memory is written`);
      return;
    }
    log.error(`${state} takes no more: calls go on, and revocations hold in memory until there is room`, {
      files: held.paths().length,
    });
  };
  held.watch(report);
  if (held.paths().length > 0) report();
}
