// The delay of this process's event loop: membership raises its health score by it, and peers receive it in reports.

const intervalMs = 50;
/** A past delay counts half after this time. Shorter forgets a pause sooner. */
const halfLifeMs = 500;

/**
 * Measures the delay of the event loop between `start` and `stop`, both idempotent, by how late a timer fires.
 * (`monitorEventLoopDelay` misses a delay that comes right after a reset.)
 */
export class LoopDelay {
  #timer: NodeJS.Timeout | undefined;
  #tickedAt = 0;
  #longestMs = 0;
  #recentMs = 0;

  start(): void {
    if (this.#timer !== undefined) return;
    this.#tickedAt = performance.now();
    this.#timer = setInterval(() => this.#tick(), intervalMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#longestMs = 0;
    this.#recentMs = 0;
  }

  /** The longest delay since the last call, the present one included, in ms; 0 while not started. */
  takeMs(): number {
    if (this.#timer === undefined) return 0;
    this.#tick();
    const longestMs = this.#longestMs;
    this.#longestMs = 0;
    return longestMs;
  }

  /** The longest delay of late, in ms: older delays fade by {@link halfLifeMs}. Reading changes nothing. */
  get recentMs(): number {
    return this.#recentMs;
  }

  #tick(): void {
    const now = performance.now();
    const delayMs = now - this.#tickedAt - intervalMs;
    this.#longestMs = Math.max(this.#longestMs, delayMs);
    const left = this.#recentMs * 2 ** (-(now - this.#tickedAt) / halfLifeMs);
    this.#recentMs = Math.max(left, delayMs, 0);
    this.#tickedAt = now;
  }
}
