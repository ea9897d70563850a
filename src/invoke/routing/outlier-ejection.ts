// Outlier ejection: the error rate of a peer, its ejection for a while, and its slow start after that. Pure.

import { backoffMs } from "../../core/backoff.js";

/**
 * The health of one peer as this node saw it, after Envoy's outlier detection. Errors are the node's own (lost, no
 * answer, `internal`), never a function's. Times are monotonic milliseconds.
 */
export class Health {
  /** Recent answers and errors, exponentially decayed with {@link halfLifeMs}. */
  #answers = 0;
  #errors = 0;
  #countedAt: number;
  #errorsInRow = 0;
  /** Ejections of the peer, minus one for each {@link goodTimeMs} since. */
  #ejections = 0;
  #ejectedUntil = Number.NEGATIVE_INFINITY;
  /** When the slow start began: after an ejection, or when the link opened. */
  #warmSince: number;

  constructor(now: number) {
    this.#countedAt = now;
    this.#warmSince = now;
  }

  /** Begins a slow start: the peer's link opened, or opened again. An ejection that lasts longer comes first. */
  joined(now: number): void {
    this.#warmSince = Math.max(now, this.#ejectedUntil);
  }

  /** Records an answered call. */
  answered(now: number): void {
    this.#forget(now);
    this.#answers++;
    this.#errorsInRow = 0;
  }

  /** Records a failed call; returns true when the peer is ejected. */
  failed(now: number): boolean {
    // A failure during the ejection belongs to a call that was sent before.
    if (this.isEjected(now)) return false;
    this.#forget(now);
    this.#answers++;
    this.#errors++;
    this.#errorsInRow++;
    const often = this.#answers >= minAnswers && this.#errors > maxErrorShare * this.#answers;
    if (!often && this.#errorsInRow < maxErrorsInRow) return false;
    const goodMs = now - this.#ejectedUntil;
    this.#ejections = Math.max(0, this.#ejections - Math.floor(goodMs / goodTimeMs));
    this.#ejectedUntil = now + backoffMs(++this.#ejections, ejectionBounds);
    this.#warmSince = this.#ejectedUntil;
    // After the ejection, the peer is judged only by later calls.
    this.#answers = 0;
    this.#errors = 0;
    this.#errorsInRow = 0;
    return true;
  }

  /** Whether the peer gets no calls now. */
  isEjected(now: number): boolean {
    return now < this.#ejectedUntil;
  }

  /** Share of errors, 0 to 1. The prior {@link doubt} keeps it low while there are few answers. */
  errorRate(now: number): number {
    const left = 2 ** ((this.#countedAt - now) / halfLifeMs);
    return (this.#errors * left) / (this.#answers * left + doubt);
  }

  /** Share of its weight that the peer has: from 0.1 to 1 in the ten seconds of its slow start. */
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
/** A peer is ejected after this many errors in a row. Less ejects sooner, and sooner by mistake. */
const maxErrorsInRow = 5;
/**
 * A peer is also ejected when more than this share of its recent answers were errors, once it has {@link minAnswers}.
 */
const maxErrorShare = 0.5;
const minAnswers = 10;
/** Duration of an ejection in milliseconds: firstMs × 2 ^ ejections before, at most lastMs. */
const ejectionBounds = { firstMs: 1_000, lastMs: 60_000 };
/** Each time of this length without an ejection, in milliseconds, halves the duration of the next one. */
const goodTimeMs = 30_000;
/** Prior of the error rate: this many good answers before all others. More makes the rate steadier and later. */
const doubt = 5;
/**
 * Slow start: a peer that has just joined has cold caches and compiles its revisions first (cold start). It begins with
 * this share of its weight, and has all of it after slowStartMs milliseconds.
 */
const coldest = 0.1;
const slowStartMs = 10_000;
