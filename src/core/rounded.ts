// Numbers for people and scripts, without the digits that are noise.

/** To the thousandth, of a millisecond or of a unit. */
export function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
