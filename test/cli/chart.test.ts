// Charts: scales mark round values in order; pictures are well-formed and escaped, and leave out NaN and infinity.

import assert from "node:assert/strict";
import { test } from "node:test";
import { drawFigure, type Figure } from "../../src/cli/bench/chart.js";
import { linearScale, logScale, shortNumber } from "../../src/cli/bench/chart-scale.js";

test("an even axis has round ticks around its values", () => {
  assert.deepEqual(linearScale([3, 97], { zero: true }).ticks, [0, 20, 40, 60, 80, 100]);
  assert.deepEqual(linearScale([0.1, 0.3], { zero: true }).ticks, [0, 0.1, 0.2, 0.3]);
  assert.deepEqual(linearScale([51, 59], { zero: false }).ticks, [50, 52, 54, 56, 58, 60]);
  assert.deepEqual(linearScale([-5, 5], { zero: false }).ticks, [-6, -4, -2, 0, 2, 4, 6]);
  for (const values of [[], [0], [7], [-7], [Number.NaN, Number.POSITIVE_INFINITY]]) {
    const { ticks } = linearScale(values, { zero: true });
    assert.ok(ticks.length >= 2 && ticks.length <= 12 && ticks.every(Number.isFinite), `${values}: ${ticks}`);
  }
});

test("a value lies on its axis in proportion, held within the ends", () => {
  const even = linearScale([0, 100], { zero: true });
  assert.deepEqual([0, 50, 100, -1, 101].map(even.at), [0, 0.5, 1, 0, 1]);
  const ratios = logScale([1, 10_000]);
  assert.deepEqual(
    [1, 100, 10_000, 0, -1, 1e9].map((value) => Number(ratios.at(value).toFixed(6))),
    [0, 0.5, 1, 0, 0, 1],
  );
});

test("a logarithmic axis has powers of ten, and 2 and 5 between them when there are few", () => {
  assert.deepEqual(logScale([1, 1e5]).ticks, [1, 10, 100, 1_000, 10_000, 100_000]);
  assert.deepEqual(logScale([0.3, 4]).ticks, [0.2, 0.5, 1, 2, 5]);
  assert.deepEqual(logScale([5]).ticks, [5, 10]);
  for (const values of [[], [0], [-1], [1e-9, 1e12], [7, 7], [9.5], [1]]) {
    const { ticks } = logScale(values);
    const most = Math.max(...values.filter((value) => value > 0), 0);
    assert.ok(ticks.length >= 2 && ticks.length <= 12 && (ticks.at(-1) ?? 0) >= most, `${values}: ${ticks}`);
    assert.deepEqual(
      [...ticks].sort((a, b) => a - b),
      ticks,
    );
  }
});

test("numbers are short", () => {
  const values = [0, 0.0001, 0.125, 42, 1234, 12_340, 1_000_000, 2.5e9, 1e-9, -1500, 1e18];
  const words = ["0", "0.0001", "0.125", "42", "1234", "12.3k", "1M", "2.5G", "1e-9", "-1500", "1e18"];
  assert.deepEqual(values.map(shortNumber), words);
});

const figure: Figure = {
  title: 'Is 1 < 2 & "so"\u0000 \ud800?',
  note: "A note.",
  columns: 2,
  panels: [
    {
      kind: "bars",
      yLabel: "ms <b>",
      categories: ["one & two", "three"],
      series: [
        { name: "here", values: [{ value: 3, low: 2, high: 5 }, { value: Number.NaN }] },
        { name: "<there>", values: [undefined, { value: 4, low: Number.NEGATIVE_INFINITY, high: 5 }] },
      ],
    },
    {
      kind: "lines",
      yLabel: "ms",
      yScale: "log",
      xLabel: "load",
      series: [
        {
          name: "here",
          points: [
            { x: 50, value: 1 },
            { x: 90, value: Number.POSITIVE_INFINITY },
          ],
        },
      ],
    },
  ],
};

test("a picture is well-formed and its text is escaped", () => {
  const svg = drawFigure(figure);
  assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  assert.match(svg, /prefers-color-scheme:dark/);
  assert.ok(svg.includes("Is 1 &lt; 2 &amp; &quot;so&quot;"), `${svg}`);
  assert.ok(svg.includes("&lt;there&gt;"), `${svg}`);
  assert.doesNotMatch(svg, /NaN|Infinity|undefined|\p{Cs}|\0/u);
  const open: string[] = [];
  for (const [, end, name = "", whole] of svg.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)) {
    if (end === "/") assert.equal(open.pop(), name);
    else if (whole !== "/") open.push(name);
  }
  assert.deepEqual(open, []);
});

test("what is no number is not drawn, and a series has one colour in all panels", () => {
  const svg = drawFigure(figure);
  const bars = [...svg.matchAll(/<rect class="(f\d)"/g)].map(([, colour]) => colour);
  assert.deepEqual(bars, ["f0", "f1"]);
  assert.equal([...svg.matchAll(/class="ink" fill="none"/g)].length, 1, "one error bar has both ends");
  assert.equal([...svg.matchAll(/<path class="line/g)].length, 0, "one point is no line");
});

test("figures without anything to show are drawn all the same", () => {
  for (const panels of [[], [{ kind: "bars", yLabel: "", categories: [], series: [] }] as const])
    assert.match(drawFigure({ title: "", panels }), /<\/svg>\n$/);
});
