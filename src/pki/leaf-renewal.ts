// Renews the public leaf long before it ends, while the node runs.

import type { Clock } from "../core/clock.js";
import { needsRenewal, type PublicLeaf } from "./public-leaf.js";

const hour = 3_600_000;

/** What a renewal works on. `renew` makes and stores a leaf; `use` puts it into service. */
export interface LeafRenewalOptions {
  readonly current: () => PublicLeaf;
  readonly renew: () => Promise<PublicLeaf>;
  readonly use: (leaf: PublicLeaf) => Promise<void>;
  /** Told of a failure; the next check tries again, a third of a leaf's life long. */
  readonly onError: (error: unknown) => void;
  readonly clock: Clock;
  /** Time between checks; each is up to a tenth later, so that nodes that started together do not act together. */
  readonly everyMs?: number;
}

/** Checks the leaf every hour. */
export class LeafRenewal {
  readonly #options: LeafRenewalOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  /** A leaf that was made but could not be put into service. */
  #unused: PublicLeaf | undefined;

  constructor(options: LeafRenewalOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#timer !== undefined) return;
    const everyMs = this.#options.everyMs ?? hour;
    const next = () => {
      this.#timer = setTimeout(
        async () => {
          await this.check();
          if (this.#timer !== undefined) next();
        },
        everyMs * (1 + Math.random() / 10),
      ).unref();
    };
    next();
  }

  /** Ends the checks and waits for one that is under way. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#running;
  }

  /** Renews if it is time. Never throws. */
  async check(): Promise<void> {
    this.#running ??= this.#renewIfNeeded().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  async #renewIfNeeded(): Promise<void> {
    const { current, renew, use, onError, clock } = this.#options;
    try {
      if (this.#unused === undefined && !needsRenewal(current(), clock)) return;
      this.#unused ??= await renew();
      await use(this.#unused);
      this.#unused = undefined;
    } catch (error) {
      onError(error);
    }
  }
}
