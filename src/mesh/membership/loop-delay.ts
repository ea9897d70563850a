// How long this process's event loop was held up: what membership doubts itself by, and what peers are told.

const intervalMs = 50;
/** Half of a delay is forgotten after so long. */
const halfLifeMs = 500;

/**
 * Watches the event loop between `start` and `stop`, both idempotent, by how late a timer fires. (`monitorEventLoopDelay` misses what
 * comes right after a reset.)
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

  /** The longest delay since the last call, one that lasts included, in milliseconds; 0 while it does not watch. */
  takeMs(): number {
    if (this.#timer === undefined) return 0;
    this.#tick();
    const longestMs = this.#longestMs;
    this.#longestMs = 0;
    return longestMs;
  }

  /** The longest delay of late, in milliseconds: older ones fade, and looking takes nothing away. */
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
