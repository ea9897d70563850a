// A histogram of times over bins that widen by a constant factor, since times spread over orders of magnitude.

import { msText } from "../parts/format.ts";
import { text } from "../text.ts";

const width = 480;
const height = 132;
const floor = 108;
const bins = 32;

/** The histogram of times in milliseconds, sorted. */
export function Histogram({ values }: { readonly values: readonly number[] }) {
  const { counts, bounds } = binned(values);
  const most = Math.max(1, ...counts);
  const step = width / counts.length;
  const described = text.many.histogram(values.length, msText(values[0]), msText(values.at(-1)));
  return (
    <svg class="histogram" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={described}>
      {counts.map((count, index) => {
        const tall = (count / most) * (floor - 8);
        return (
          <rect key={index} x={index * step + 0.5} y={floor - tall} width={step - 1} height={tall}>
            <title>{`${msText(bounds[index])} – ${msText(bounds[index + 1])}: ${count}`}</title>
          </rect>
        );
      })}
      <line x1="0" x2={width} y1={floor} y2={floor} />
      {[0, 0.25, 0.5, 0.75, 1].map((at) => (
        <text key={at} x={at * width} y={height - 8} text-anchor={at === 0 ? "start" : at === 1 ? "end" : "middle"}>
          {values.length === 0 ? "" : msText(bounds[Math.round(at * bins)])}
        </text>
      ))}
    </svg>
  );
}

/** Counts by bin, and the bins' bounds: from the smallest to the largest value, at least a factor of two apart. */
function binned(values: readonly number[]): { readonly counts: readonly number[]; readonly bounds: readonly number[] } {
  const lowest = Math.max(0.01, values[0] ?? 1);
  const highest = Math.max(lowest * 2, values.at(-1) ?? 2);
  const factor = (highest / lowest) ** (1 / bins);
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) {
    const index = Math.min(bins - 1, Math.max(0, Math.floor(Math.log(value / lowest) / Math.log(factor))));
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return { counts, bounds: Array.from({ length: bins + 1 }, (_, index) => lowest * factor ** index) };
}
