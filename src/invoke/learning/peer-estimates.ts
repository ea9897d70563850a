// Peers' estimates of a function's work: one for each peer, and their weighted median counts, so that no single peer
// decides.

/** A function's work as a peer (its id) learned it from so many runs. */
export interface Estimate {
  readonly units: number;
  readonly samples: number;
  readonly by: string;
}

/** Peers whose estimates are kept for a function; above this, the oldest estimate is dropped. */
const maxPeers = 7;
/**
 * The largest weight of an estimate, in runs. More trusts peers with many runs; less protects against a peer that
 * lies.
 */
const maxWeight = 8;

/** The estimates for one function. */
export class PeerEstimates {
  #estimates: readonly Estimate[] = [];
  #units = 0;

  constructor(first: Estimate) {
    this.add(first);
  }

  /** Work units of a call: the median of the estimates, weighted by runs; of two, the lower. */
  get units(): number {
    return this.#units;
  }

  /** Adds a peer's estimate; it replaces an earlier one of the same peer. */
  add(estimate: Estimate): void {
    const others = this.#estimates.filter(({ by }) => by !== estimate.by);
    this.#estimates = [...others, estimate].slice(-maxPeers);
    const sorted = this.#estimates.toSorted((one, other) => one.units - other.units);
    let left = sorted.reduce((sum, known) => sum + weightOf(known), 0) / 2;
    for (const known of sorted) {
      left -= weightOf(known);
      this.#units = known.units;
      if (left <= 0) return;
    }
  }
}

function weightOf({ samples }: Estimate): number {
  return Math.max(1, Math.min(maxWeight, samples));
}
