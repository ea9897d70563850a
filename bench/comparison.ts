// Compares a run with the stored one: which key figures moved by more than their spread.

import type { Estimate } from "../src/cli/bench/chart.js";
import { shortNumber } from "../src/cli/bench/chart-scale.js";

/** A key figure of a benchmark. Without an interval, a change of 10 % counts as spread. */
export interface KeyFigure extends Estimate {
  readonly name: string;
  readonly unit: string;
  /** Which direction is better; `neither` for a descriptive figure. */
  readonly better: "lower" | "higher" | "neither";
}

/** A key figure then and now. */
export interface Change {
  readonly name: string;
  readonly unit: string;
  readonly before: number | undefined;
  readonly now: number | undefined;
  /** The interval of `now`, where it is known. */
  readonly spread?: { readonly low: number; readonly high: number };
  /** now ÷ before. */
  readonly ratio: number | undefined;
  readonly verdict: "better" | "worse" | "changed" | "same" | "new" | "gone";
}

const toleratedShare = 0.1;

/** The change of each figure: those of `now` in their order, then those that are gone. */
export function compareRuns(before: readonly KeyFigure[], now: readonly KeyFigure[]): Change[] {
  const past = new Map(before.map((figure) => [figure.name, figure]));
  const changes = now.map((figure): Change => {
    const last = past.get(figure.name);
    past.delete(figure.name);
    const { name, unit, low, high } = figure;
    const known = low === undefined || high === undefined ? {} : { spread: { low, high } };
    const common = { name, unit, now: figure.value, ...known };
    if (last === undefined || last.unit !== unit)
      return { ...common, before: undefined, ratio: undefined, verdict: "new" };
    return { ...common, before: last.value, ratio: figure.value / last.value, verdict: judge(last, figure) };
  });
  const gone = [...past.values()].map(
    ({ name, unit, value }): Change => ({
      name,
      unit,
      before: value,
      now: undefined,
      ratio: undefined,
      verdict: "gone",
    }),
  );
  return [...changes, ...gone];
}

function judge(last: KeyFigure, figure: KeyFigure): Change["verdict"] {
  const [was, is] = [intervalOf(last), intervalOf(figure)];
  if (is.low <= was.high && was.low <= is.high) return "same";
  if (figure.better === "neither") return "changed";
  return is.low > was.high === (figure.better === "higher") ? "better" : "worse";
}

function intervalOf({ value, low, high }: Estimate): { low: number; high: number } {
  const half = (Math.abs(value) * toleratedShare) / 2;
  return { low: low ?? value - half, high: high ?? value + half };
}

/** The changes as a table for a terminal. */
export function comparisonTable(changes: readonly Change[]): string {
  const shown = (value: number | undefined): string => (value === undefined ? "" : shortNumber(value));
  const rows = changes.map(({ name, unit, before, now, spread, ratio, verdict }) => [
    unit === "" ? name : `${name}, ${unit}`,
    shown(before),
    shown(now),
    spread === undefined ? "" : `${shown(spread.low)} … ${shown(spread.high)}`,
    ratio === undefined || !Number.isFinite(ratio) ? "" : ratio.toFixed(2),
    verdict === "same" ? "" : verdict,
  ]);
  const table = [["", "last", "now", "", "ratio", ""], ...rows];
  const widths = table[0]?.map((_cell, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  const line = (row: string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd();
  return table.map(line).join("\n");
}
