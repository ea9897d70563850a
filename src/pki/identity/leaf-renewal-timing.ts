// Renews a leaf long before it ends, while the node runs.

import { backoffMs } from "../../core/backoff.js";
import type { Clock } from "../../core/clock.js";
import { type Random, systemTimers, type Timers } from "../../core/timers.js";

const second = 1_000;
/** The longest wait between two looks at the clock: a machine that slept, or whose time was set, is noticed. */
const lookMs = 60 * second;
const retryMs = { firstMs: 5 * second, lastMs: 600 * second };

/** The life of a leaf, in epoch ms. */
export interface LeafLife {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** What a renewal works on. `renew` makes and stores a leaf; `use` puts it into service. */
interface LeafRenewalOptions<Leaf extends LeafLife> {
  readonly current: () => Leaf;
  readonly renew: () => Promise<Leaf>;
  readonly use?: ((leaf: Leaf) => Promise<void>) | undefined;
  /**
   * The part of a leaf's life after which it is renewed, drawn for each leaf: {@link publicLeafPart} or {@link
   * peerLeafPart}.
   */
  readonly part?: (random: Random) => number;
  /** Whether a leaf is worth nothing any more, whatever its age, as when the master that signed it was revoked. */
  readonly worthless?: ((leaf: Leaf) => boolean) | undefined;
  /** Told of a failure; it is tried again after 5 s, then twice as long, up to ten minutes. */
  readonly onError: (error: unknown) => void;
  readonly clock: Clock;
  readonly timers?: Timers;
  readonly random?: Random;
}

/** Two thirds: ten of a public leaf's thirty days are left for whatever is in the way. */
function publicLeafPart(): number {
  return 2 / 3;
}

/** Half ± 10 %, so that nodes that started together do not act together: 10.8 to 13.2 of a peer leaf's 24 hours. */
export function peerLeafPart(random: Random): number {
  return 0.5 * (0.9 + 0.2 * random());
}

/** Looks at a leaf's age once a minute. */
export class LeafRenewal<Leaf extends LeafLife> {
  readonly #options: LeafRenewalOptions<Leaf>;
  readonly #timers: Timers;
  readonly #random: Random;
  #cancel: (() => void) | undefined;
  #running: Promise<void> | undefined;
  /** A leaf that was made but could not be put into service. */
  #unused: Leaf | undefined;
  /** The leaf that the part was drawn for. */
  #drawn: { readonly leaf: Leaf; readonly part: number } | undefined;
  #failures = 0;

  constructor(options: LeafRenewalOptions<Leaf>) {
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
    this.#random = options.random ?? Math.random;
  }

  /** Checks at once, and from then on by itself. */
  start(): void {
    if (this.#cancel === undefined) this.#checkAfter(0);
  }

  /** Checks now instead of at the next look, if it was started. */
  hurry(): void {
    if (this.#cancel === undefined) return;
    this.#cancel();
    this.#checkAfter(0);
  }

  /** Ends the checks and waits for one that is under way. */
  async stop(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    await this.#running;
  }

  /** Renews if it is time. Never throws. */
  async check(): Promise<void> {
    this.#running ??= this.#renewIfNeeded().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  #checkAfter(ms: number): void {
    const cancel = this.#timers.after(ms, async () => {
      await this.check();
      // Stopped, hurried, or stopped and started again, in the meantime.
      if (this.#cancel === cancel) this.#checkAfter(this.#waitMs());
    });
    this.#cancel = cancel;
  }

  async #renewIfNeeded(): Promise<void> {
    const { renew, use, onError } = this.#options;
    try {
      if (this.#unused === undefined && !this.#isDue()) return;
      this.#unused ??= await renew();
      await use?.(this.#unused);
      this.#unused = undefined;
      this.#failures = 0;
    } catch (error) {
      this.#failures++;
      onError(error);
    }
  }

  #isDue(): boolean {
    const { current, worthless, part = publicLeafPart, clock } = this.#options;
    const leaf = current();
    if (worthless?.(leaf) === true) return true;
    if (this.#drawn?.leaf !== leaf) this.#drawn = { leaf, part: part(this.#random) };
    const now = clock.now();
    const { notBefore, notAfter } = leaf;
    // A leaf that has not begun: the clock was set back.
    return now < notBefore || now >= notBefore + (notAfter - notBefore) * this.#drawn.part;
  }

  #waitMs(): number {
    if (this.#failures === 0) return lookMs;
    return backoffMs(this.#failures, retryMs) * (0.9 + 0.2 * this.#random());
  }
}
