// How well a peer has answered lately: its error rate, when it is left out for a while, and its slow start after that. Pure.

/**
 * The health of one peer as this node saw it, after Envoy's outlier detection. Errors are the node's own (lost, no answer,
 * `internal`), never a function's. Times are monotonic milliseconds.
 */
export class Health {
  /** Answers and errors of late: half of them is forgotten every {@link halfLifeMs}. */
  #answers = 0;
  #errors = 0;
  #countedAt: number;
  #errorsInRow = 0;
  /** Its ejections, less one for each good time since. */
  #ejections = 0;
  #ejectedUntil = Number.NEGATIVE_INFINITY;
  /** Since when it gets calls again, after an ejection or since its link opened. */
  #warmSince: number;

  constructor(now: number) {
    this.#countedAt = now;
    this.#warmSince = now;
  }

  /** It is there, or there again: it starts slowly, unless it is still ejected. */
  joined(now: number): void {
    this.#warmSince = Math.max(now, this.#ejectedUntil);
  }

  /** It answered. */
  answered(now: number): void {
    this.#forget(now);
    this.#answers++;
    this.#errorsInRow = 0;
  }

  /** It failed; true when it is ejected for that. */
  failed(now: number): boolean {
    // What is still under way then is of the time before.
    if (this.isEjected(now)) return false;
    this.#forget(now);
    this.#answers++;
    this.#errors++;
    this.#errorsInRow++;
    const often = this.#answers >= minAnswers && this.#errors > maxErrorShare * this.#answers;
    if (!often && this.#errorsInRow < maxErrorsInRow) return false;
    const goodMs = now - this.#ejectedUntil;
    this.#ejections = Math.max(0, this.#ejections - Math.floor(goodMs / goodTimeMs));
    this.#ejectedUntil = now + Math.min(maxEjectionMs, firstEjectionMs * 2 ** this.#ejections);
    this.#ejections++;
    this.#warmSince = this.#ejectedUntil;
    // Afterwards it is judged by what it does then.
    this.#answers = 0;
    this.#errors = 0;
    this.#errorsInRow = 0;
    return true;
  }

  /** Whether it gets no calls now. */
  isEjected(now: number): boolean {
    return now < this.#ejectedUntil;
  }

  /** Share of errors, 0 to 1: of few answers nobody says that they are all. */
  errorRate(now: number): number {
    const left = 2 ** ((this.#countedAt - now) / halfLifeMs);
    return (this.#errors * left) / (this.#answers * left + doubt);
  }

  /** From 0.1 to 1 in the ten seconds of its slow start. */
  warmth(now: number): number {
    const share = Math.min(1, Math.max(0, (now - this.#warmSince) / slowStartMs));
    return coldest + (1 - coldest) * share;
  }

  #forget(now: number): void {
    const left = 2 ** ((this.#countedAt - now) / halfLifeMs);
    this.#answers *= left;
    this.#errors *= left;
    this.#countedAt = now;
  }
}

const halfLifeMs = 5_000;
/** A peer is ejected after so many errors one after the other, ... */
const maxErrorsInRow = 5;
/** ... or when more than this share of at least so many answers were errors. */
const maxErrorShare = 0.5;
const minAnswers = 10;
/** For so long at first, then twice as long each time, ... */
const firstEjectionMs = 1_000;
const maxEjectionMs = 60_000;
/** ... and half as long again for each good time in between. */
const goodTimeMs = 30_000;
/** Good answers that are taken to have come before all others. */
const doubt = 5;
/** What has just come has cold caches and compiles; it starts with this share of its weight, and has all of it after so long. */
const coldest = 0.1;
const slowStartMs = 10_000;
