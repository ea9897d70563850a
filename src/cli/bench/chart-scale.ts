// The scales of a chart's axes: where a value lies between the ends, and which round values are marked.

/** An axis. */
export interface Scale {
  /** Round values from one end of the axis to the other, ascending. */
  readonly ticks: readonly number[];
  /** Where `value` lies: 0 at the first tick, 1 at the last; held within. */
  at(value: number): number;
}

const wantedTicks = 5;
const steps = [1, 2, 5, 10];

/** An even axis over `values`, with ticks at multiples of 1, 2 or 5 times a power of ten. Bars start at `zero`. */
export function linearScale(values: readonly number[], { zero }: { zero: boolean }): Scale {
  const finite = values.filter(Number.isFinite);
  if (zero || finite.length === 0) finite.push(0);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const range = high > low ? high - low : Math.abs(high) || 1;
  const power = 10 ** Math.floor(Math.log10(range / wantedTicks));
  const step = power * (steps.find((factor) => factor * power * wantedTicks >= range * 0.999) ?? 10);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  const ticks = Array.from({ length: last - first + 1 }, (_none, index) => exact((first + index) * step));
  return { ticks, at: (value) => within((value / step - first) / (last - first)) };
}

/** An axis of equal ratios over the positive ones of `values`; what is not positive lies at its low end. */
export function logScale(values: readonly number[]): Scale {
  const positive = values.filter((value) => Number.isFinite(value) && value > 0);
  if (positive.length === 0) positive.push(1);
  const [low, high] = [Math.min(...positive), Math.max(...positive)];
  const [from, to] = [Math.floor(Math.log10(low) + 1e-9), Math.ceil(Math.log10(high) - 1e-9)];
  const decades = Math.max(1, to - from);
  const every = Math.ceil(decades / (2 * wantedTicks));
  const factors = decades <= 3 ? [1, 2, 5] : [1];
  const all: number[] = [];
  for (let power = from; power <= from + decades; power += every)
    all.push(...factors.map((factor) => exact(factor * 10 ** power)));
  const start = Math.max(
    0,
    all.findLastIndex((tick) => tick <= low * 1.000_001),
  );
  const above = all.findIndex((tick) => tick >= high * 0.999_999);
  const ticks = all.slice(start, Math.max(start + 2, above < 0 ? all.length : above + 1));
  const [bottom, top] = [Math.log(ticks[0] ?? 1), Math.log(ticks.at(-1) ?? 10)];
  return { ticks, at: (value) => (value > 0 ? within((Math.log(value) - bottom) / (top - bottom)) : 0) };
}

/** A number as an axis or a bar shows it: three digits, thousands and millions as `k` and `M`. */
export function shortNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e15 || (size > 0 && size < 1e-4)) return value.toExponential(1).replace(".0e", "e").replace("e+", "e");
  const [factor, suffix] = size >= 1e9 ? [1e9, "G"] : size >= 1e6 ? [1e6, "M"] : size >= 1e4 ? [1e3, "k"] : [1, ""];
  return `${Number((value / factor).toPrecision(size >= 1_000 && size < 1e4 ? 4 : 3))}${suffix}`;
}

function within(share: number): number {
  return Math.min(1, Math.max(0, share));
}

/** Without the last digits that binary fractions bring: 0.3, not 0.30000000000000004. */
function exact(value: number): number {
  return Number(value.toPrecision(12));
}
