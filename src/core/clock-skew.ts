// How far two clocks are apart, in words: a wrong clock looks like a wrong certificate until the difference is named.

const second = 1_000;
/** Units of time, each with the least count in which a span is written in it. */
const units = [
  ["day", 86_400 * second, 3],
  ["hour", 3_600 * second, 2],
  ["minute", 60 * second, 2],
  ["second", second, 0],
] as const;

/** Clocks that differ by less are called equal, ms. */
export const clockToleranceMs = 60 * second;

/** A span of milliseconds as text, such as `47 hours` or `3 days`. */
export function spanText(ms: number): string {
  const size = Math.abs(ms);
  const [name, unit] = units.find(([, length, least]) => Math.round(size / length) >= least) ?? units[3];
  const count = Math.round(size / unit);
  return `${count} ${name}${count === 1 ? "" : "s"}`;
}

/**
 * What is wrong when the clock of `other` is so far ahead of this machine's (behind: less than 0); `undefined` when
 * nothing is.
 */
export function skewText(skewMs: number | undefined, other: string): string | undefined {
  if (skewMs === undefined || Math.abs(skewMs) <= clockToleranceMs) return undefined;
  return `the clock of this machine is ${spanText(skewMs)} ${skewMs > 0 ? "behind" : "ahead of"} that of ${other}`;
}
