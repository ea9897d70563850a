// Keeps the copies of other masters' logs up to date: after each new head or link, and every half minute.

import type { Logger } from "../../core/log.js";
import type { Timers } from "../../core/timers.js";
import type { AuditCopies } from "./copies.js";

const againMs = 30_000;

/** What an {@link AuditFollower} works with; `linked` names the masters with an open link. */
interface AuditFollowerOptions {
  readonly copies: Pick<AuditCopies, "pull">;
  readonly linked: () => readonly string[];
  readonly timers: Timers;
  readonly log: Logger;
}

/** Pulls the logs of the masters that are linked. */
export class AuditFollower {
  readonly #options: AuditFollowerOptions;
  readonly #pulls = new Set<Promise<void>>();
  #cancel: (() => void) | undefined;

  constructor(options: AuditFollowerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#cancel ??= this.#plan();
  }

  /** Ends after the pulls under way. */
  async stop(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    await Promise.all(this.#pulls);
  }

  /** Brings the copy of a master's log up to date; a failure is left to the next time. */
  pull(master: string): void {
    const { copies, log } = this.#options;
    const pull = copies
      .pull(master)
      .catch((cause: unknown) => log.debug("a master's audit log could not be copied", { master, cause }))
      .finally(() => this.#pulls.delete(pull));
    this.#pulls.add(pull);
  }

  #plan(): () => void {
    return this.#options.timers.after(againMs, () => {
      for (const master of this.#options.linked()) this.pull(master);
      this.#cancel = this.#plan();
    });
  }
}
