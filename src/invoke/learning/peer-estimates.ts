// What peers say of a function's work: one word each, and the middle one counts, so that no single peer can make it up.

/** A function's work as a peer (its id) learned it from so many runs. */
export interface Estimate {
  readonly units: number;
  readonly samples: number;
  readonly by: string;
}

/** So many peers' words are kept; the oldest makes room. */
const maxTellers = 7;
/** An estimate from more runs than this counts no more than one from so many. */
const maxWeight = 8;

/** The words of one function. */
export class PeerEstimates {
  #said: readonly Estimate[] = [];
  #units = 0;

  constructor(first: Estimate) {
    this.hear(first);
  }

  /** Work units of a call: the median of what was said, by how many runs each knows; the lower of two. */
  get units(): number {
    return this.#units;
  }

  /** Takes a peer's word instead of the one that it said before. */
  hear(estimate: Estimate): void {
    const others = this.#said.filter(({ by }) => by !== estimate.by);
    this.#said = [...others, estimate].slice(-maxTellers);
    const sorted = this.#said.toSorted((one, other) => one.units - other.units);
    let left = sorted.reduce((sum, said) => sum + weightOf(said), 0) / 2;
    for (const said of sorted) {
      left -= weightOf(said);
      this.#units = said.units;
      if (left <= 0) return;
    }
  }
}

function weightOf({ samples }: Estimate): number {
  return Math.max(1, Math.min(maxWeight, samples));
}
