// Charts as SVG text, readable on a light and on a dark page: grouped bars and lines, with error bars.

import { linearScale, logScale, type Scale, shortNumber } from "./chart-scale.js";

/** A value, and the ends of its interval where one is known. What is not finite is not drawn. */
export interface Estimate {
  readonly value: number;
  readonly low?: number | undefined;
  readonly high?: number | undefined;
}

/** What all kinds of panels have; `values` of a logarithmic axis are above zero. */
interface Axes {
  readonly title?: string;
  /** What the vertical axis counts, with its unit. */
  readonly yLabel: string;
  readonly yScale?: "linear" | "log";
}

/** A bar of each series for each category; a series without a value there leaves its place free. */
export interface BarPanel extends Axes {
  readonly kind: "bars";
  readonly categories: readonly string[];
  readonly series: readonly { readonly name: string; readonly values: readonly (Estimate | undefined)[] }[];
}

/** A line of each series through its points. */
export interface LinePanel extends Axes {
  readonly kind: "lines";
  readonly xLabel: string;
  readonly xScale?: "linear" | "log";
  readonly series: readonly {
    readonly name: string;
    readonly points: readonly (Estimate & { readonly x: number })[];
  }[];
}

/** A picture of panels, row by row. A series has one colour in all of them; one named "" is not in the legend. */
export interface Figure {
  readonly title: string;
  /** What a reader has to know beside it. */
  readonly note?: string;
  readonly columns?: number;
  readonly panels: readonly (BarPanel | LinePanel)[];
}

const [panelWidth, panelHeight, edge] = [560, 320, 16];
/** Light and dark page; told apart with any colour vision (after Okabe and Ito, 2008). */
const colours = [
  ["#0072b2", "#56b4e9"],
  ["#d55e00", "#ff9147"],
  ["#009e73", "#2fc79a"],
  ["#b8578f", "#e39cc4"],
  ["#8a6d00", "#f0c537"],
  ["#5e4fa2", "#a99bea"],
  ["#666666", "#b0b0b0"],
  ["#8c2d2d", "#e58a8a"],
] as const;
const shapes = [
  "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
  "M-4-4h8v8h-8z",
  "M0-5l5 9h-10z",
  "M0-5.5l5 5.5l-5 5.5l-5-5.5z",
  "M0 5l5-9h-10z",
  "M-5-1.5h10v3h-10z",
  "M-1.5-5h3v10h-3z",
  "M-4-4h4v4h4v4h-8z",
];
const pages = [
  { ink: "#1f2328", grid: "#d8dee4", ground: "#ffffff" },
  { ink: "#e6edf3", grid: "#343b44", ground: "#0d1117" },
] as const;

/** The picture as the text of an SVG file. */
export function drawFigure({ title, note, columns = 1, panels }: Figure): string {
  const names = [...new Set(panels.flatMap(({ series }) => series.map(({ name }) => name)))].filter(
    (name) => name !== "",
  );
  const used = Math.min(columns, Math.max(1, panels.length));
  const width = used * panelWidth + 2 * edge;
  const head: string[] = [];
  let y = edge + 16;
  for (const line of wrapped(title, { width: width - 2 * edge, size: 17 })) {
    head.push(text(line, { x: edge, y, style: "h" }));
    y += 22;
  }
  for (const line of note === undefined ? [] : wrapped(note, { width: width - 2 * edge, size: 12 })) {
    head.push(text(line, { x: edge, y }));
    y += 16;
  }
  const key = legend(names, { width, y: y + 4 });
  y = key.bottom + 8;
  const body = panels.map((panel, index) => {
    const [left, top] = [edge + (index % used) * panelWidth, y + Math.floor(index / used) * panelHeight];
    return `<g transform="translate(${left} ${top})">${drawPanel(panel, names)}</g>`;
  });
  const height = y + Math.ceil(panels.length / used) * panelHeight + edge;
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  const start =
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" font-family="system-ui,sans-serif" ` +
    `font-size="12">`;
  const ground = `<rect class="ground" width="${width}" height="${height}"/>`;
  return [start, `<title>${escaped(title)}</title>`, style(), ground, ...head, key.svg, ...body, "</svg>", ""].join(
    "\n",
  );
}

function style(): string {
  const sheet = (page: 0 | 1): string => {
    const { ink, grid, ground } = pages[page];
    const series = colours.map((pair, index) => `.f${index}{fill:${pair[page]}}.l${index}{stroke:${pair[page]}}`);
    return `text{fill:${ink}}.ground{fill:${ground}}.grid{stroke:${grid}}.ink{stroke:${ink}}${series.join("")}`;
  };
  const fixed =
    ".h{font-size:17px;font-weight:600}.t{font-size:13px;font-weight:600}.v{font-size:10px}path.line{fill:none;stroke-width:2}";
  return `<style>${fixed}${sheet(0)}@media(prefers-color-scheme:dark){${sheet(1)}}</style>`;
}

function legend(names: readonly string[], at: { width: number; y: number }): { svg: string; bottom: number } {
  let [x, y] = [edge, at.y];
  let svg = "";
  for (const [index, name] of names.entries()) {
    const room = 36 + widthOf(name, 12);
    if (x > edge && x + room > at.width - edge) [x, y] = [edge, y + 18];
    svg += `${mark(index, { x: x + 6, y: y - 4 })}${text(name, { x: x + 16, y })}`;
    x += room;
  }
  return { svg, bottom: svg === "" ? at.y - 16 : y };
}

/** The plot's edges inside its panel. */
interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly y: (value: number) => number;
}

function drawPanel(panel: BarPanel | LinePanel, names: readonly string[]): string {
  const bars = panel.kind === "bars";
  const estimates = panel.series.flatMap((series) => ("values" in series ? series.values : series.points));
  const values = estimates.flatMap((one) => (one === undefined ? [] : [one.value, one.low ?? NaN, one.high ?? NaN]));
  const scale =
    panel.yScale === "log"
      ? logScale(bars ? [...values, shortest(values)] : values)
      : linearScale(values, { zero: bars });
  const left = 34 + Math.max(...scale.ticks.map((tick) => widthOf(shortNumber(tick), 12)));
  const [top, bottom, right] = [34, panelHeight - 58, panelWidth - 20];
  const y = (value: number): number => round(bottom - scale.at(value) * (bottom - top - 10));
  const frame: Frame = { left, right, top, bottom, y };
  const title = panel.title === undefined ? "" : text(panel.title, { x: left, y: 18, style: "t" });
  const label =
    `<text transform="translate(14 ${(top + bottom) / 2}) rotate(-90)" ` +
    `text-anchor="middle">${escaped(panel.yLabel)}</text>`;
  const grid = scale.ticks.map((tick) => {
    const line = `<line class="grid" x1="${left}" x2="${right}" y1="${y(tick)}" y2="${y(tick)}"/>`;
    return line + text(shortNumber(tick), { x: left - 6, y: y(tick) + 4, anchor: "end" });
  });
  const colourOf = (name: string): number => Math.max(0, names.indexOf(name));
  const drawn = bars ? drawBars(panel, { frame, scale, colourOf }) : drawLines(panel, { frame, colourOf });
  return title + label + grid.join("") + drawn;
}

/** On a logarithmic axis the least of the bars needs some height too. */
function shortest(values: readonly number[]): number {
  return Math.min(...values.filter((value) => value > 0)) / 2;
}

function drawBars(panel: BarPanel, at: { frame: Frame; scale: Scale; colourOf: (name: string) => number }): string {
  const { frame, scale, colourOf } = at;
  const band = (frame.right - frame.left) / Math.max(1, panel.categories.length);
  const wide = Math.min(64, (band * 0.84) / Math.max(1, panel.series.length));
  const base = frame.y(panel.yScale === "log" ? (scale.ticks[0] ?? 1) : 0);
  let svg = "";
  for (const [place, category] of panel.categories.entries()) {
    const middle = frame.left + band * (place + 0.5);
    for (const [index, { name, values }] of panel.series.entries()) {
      const one = values[place];
      if (one === undefined || !Number.isFinite(one.value)) continue;
      const x = round(middle + (index - panel.series.length / 2) * wide);
      const [y, centre] = [frame.y(one.value), round(x + wide / 2)];
      const [up, down] = [Math.min(y, base), Math.max(y, base)];
      svg +=
        `<rect class="f${colourOf(name) % colours.length}" x="${round(x + 1)}" y="${up}" ` +
        `width="${round(wide - 2)}" height="${round(down - up)}"/>`;
      svg += errorBar(one, { x: centre, frame, style: "ink" });
      const above = Math.min(up, Number.isFinite(one.high) ? frame.y(one.high ?? 0) : up) - 4;
      if (wide >= 26) svg += text(shortNumber(one.value), { x: centre, y: above, anchor: "middle", style: "v" });
    }
    for (const [line, words] of wrapped(category, { width: band - 4, size: 12 })
      .slice(0, 3)
      .entries())
      svg += text(words, { x: round(middle), y: frame.bottom + 18 + line * 14, anchor: "middle" });
  }
  return `${svg}<line class="ink" x1="${frame.left}" x2="${frame.right}" y1="${base}" y2="${base}"/>`;
}

function drawLines(
  panel: LinePanel,
  { frame, colourOf }: { frame: Frame; colourOf: (name: string) => number },
): string {
  const places = panel.series.flatMap(({ points }) => points.map(({ x }) => x));
  const scale = panel.xScale === "log" ? logScale(places) : linearScale(places, { zero: false });
  const x = (value: number): number => round(frame.left + scale.at(value) * (frame.right - frame.left - 8));
  let svg = `<line class="ink" x1="${frame.left}" x2="${frame.right}" y1="${frame.bottom}" y2="${frame.bottom}"/>`;
  for (const tick of scale.ticks)
    svg += text(shortNumber(tick), { x: x(tick), y: frame.bottom + 18, anchor: "middle" });
  const middle = (frame.left + frame.right) / 2;
  svg += text(panel.xLabel, { x: middle, y: frame.bottom + 38, anchor: "middle" });
  for (const { name, points } of panel.series) {
    const colour = colourOf(name);
    const drawn = points.filter((point) => Number.isFinite(point.value) && Number.isFinite(point.x));
    const way = drawn.map((point) => `${x(point.x)} ${frame.y(point.value)}`);
    if (way.length > 1) svg += `<path class="line l${colour % colours.length}" d="M${way.join("L")}"/>`;
    for (const point of drawn) {
      svg += errorBar(point, { x: x(point.x), frame, style: `l${colour % colours.length}` });
      if (drawn.length <= 40) svg += mark(colour, { x: x(point.x), y: frame.y(point.value) });
    }
  }
  return svg;
}

function errorBar({ low, high }: Estimate, at: { x: number; frame: Frame; style: string }): string {
  if (low === undefined || high === undefined || !Number.isFinite(low) || !Number.isFinite(high)) return "";
  const [from, to] = [at.frame.y(low), at.frame.y(high)];
  return `<path class="${at.style}" fill="none" d="M${at.x - 3} ${from}h6m-3 0V${to}m-3 0h6"/>`;
}

function mark(series: number, { x, y }: { x: number; y: number }): string {
  const [shape, colour] = [shapes[series % shapes.length], series % colours.length];
  return `<path class="f${colour}" transform="translate(${x} ${y})" d="${shape}"/>`;
}

function text(words: string, at: { x: number; y: number; anchor?: "middle" | "end"; style?: string }): string {
  const anchor = at.anchor === undefined ? "" : ` text-anchor="${at.anchor}"`;
  const style = at.style === undefined ? "" : ` class="${at.style}"`;
  return `<text x="${at.x}" y="${at.y}"${anchor}${style}>${escaped(words)}</text>`;
}

/** Lines of whole words that fit, by the width that letters have on average. */
function wrapped(words: string, { width, size }: { width: number; size: number }): string[] {
  const lines: string[] = [];
  for (const word of words.split(/\s+/)) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && widthOf(longer, size) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

function widthOf(words: string, size: number): number {
  return words.length * size * 0.56;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Text as XML 1.0 takes it: markup escaped, and without the control characters that it has no way to write. */
function escaped(words: string): string {
  const names: Record<string, string> = { "<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;" };
  const printable = words.replace(/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, " ");
  return printable.replace(/[<>&"]/g, (letter) => names[letter] ?? "");
}
