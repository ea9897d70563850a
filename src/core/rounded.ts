// Numbers for people and scripts, without the digits that are noise.

/** To the thousandth, of a millisecond or of a unit. */
export function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

const keptTexts = 10_000;
const texts = new Array<string | undefined>(keptTexts);

/**
 * The text of {@link rounded}. To find a fraction's shortest text takes JavaScript a long search; those below 10 are
 * kept.
 */
export function roundedText(value: number): string {
  const thousandths = Math.round(value * 1_000);
  if (!(thousandths >= 0 && thousandths < keptTexts)) return String(thousandths / 1_000);
  const known = texts[thousandths] ?? String(thousandths / 1_000);
  texts[thousandths] = known;
  return known;
}
