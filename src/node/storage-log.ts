// Says in the log when the disk takes no more, and when it does again.

import type { NodeContext } from "./node-context.js";

/** From now on logs when something begins to wait for the disk, and when nothing does any more. */
export function logStorage({ identity, log, config }: Pick<NodeContext, "identity" | "log" | "config">): void {
  const { held } = identity;
  const say = (): void => {
    if (held.paths().length === 0) {
      log.warn(`${config.state} takes changes again: what waited in memory is written`);
      return;
    }
    log.error(`${config.state} takes no more: calls go on, and revocations hold in memory until there is room`, {
      files: held.paths().length,
    });
  };
  held.watch(say);
  if (held.paths().length > 0) say();
  if (!identity.isLocked) log.warn(`${config.state} took no lock file: start no second process on it`);
}
