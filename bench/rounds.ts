// Repeated and paired measurements: drift of the machine must not fall on one side.

import type { Estimate } from "../src/cli/bench/chart.js";
import { estimateOf } from "./statistics.js";

/** Runs `measure` once to warm up, then `rounds` times; returns the results of the latter. */
export async function repeat<Result>(rounds: number, measure: () => Promise<Result>): Promise<Result[]> {
  await measure();
  const measured: Result[] = [];
  for (let round = 0; round < rounds; round++) measured.push(await measure());
  return measured;
}

/**
 * Runs each of `ways` in every round, every other round in the opposite order; one more round comes first and warms up.
 * The nth results of the ways are a pair.
 */
export async function alternate<Way extends string, Result>(
  rounds: number,
  ways: Readonly<Record<Way, () => Promise<Result>>>,
): Promise<Record<Way, Result[]>> {
  const names = Object.keys(ways) as Way[];
  const measured = Object.fromEntries(names.map((name) => [name, [] as Result[]])) as Record<Way, Result[]>;
  for (let round = 0; round <= rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const result = await ways[name]();
      if (round > 0) measured[name].push(result);
    }
  }
  return measured;
}

/** The estimate of the value that `look` reads from each result. */
export function estimated<Result>(results: readonly Result[], look: (result: Result) => number): Required<Estimate> {
  return estimateOf(results.map(look));
}

/** The estimate of the value that `look` computes from each pair of results, for example their ratio. */
export function paired<One, Other>(
  { of, to }: { of: readonly One[]; to: readonly Other[] },
  look: (one: One, other: Other) => number,
): Required<Estimate> {
  return estimateOf(of.flatMap((one, index) => (index < to.length ? [look(one, to[index] as Other)] : [])));
}
