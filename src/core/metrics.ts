// Counters, gauges and histograms, rendered as Prometheus text (exposition format 0.0.4).

import { Histogram, type HistogramOptions } from "./histogram.js";

/** Name and help line of a metric; a series of it has one value per label, in this order. */
interface MetricOptions {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

/** A number that only grows. */
export class Counter {
  #value = 0;

  /** Adds `amount`, which is not negative; one by default. */
  add(amount = 1): void {
    this.#value += amount;
  }

  /** The count so far. */
  get value(): number {
    return this.#value;
  }
}

/** One value with its label values, as the callback of a metric that is read gives it. */
type GaugeSample = readonly [labels: readonly string[], value: number];

/**
 * The series of one metric by their label values. Resolve a series once and keep it: the hot path then looks nothing
 * up.
 */
class Family<Series> {
  readonly #series = new Map<string, { readonly labels: readonly string[]; readonly series: Series }>();
  readonly #width: number;
  readonly #create: () => Series;

  constructor(width: number, create: () => Series) {
    this.#width = width;
    this.#create = create;
  }

  /** The series with these label values, made when it is new. */
  with(...labels: readonly string[]): Series {
    if (labels.length !== this.#width)
      throw new TypeError(`expected ${this.#width} label values, got ${labels.length}`);
    const key = labels.join("\0");
    let entry = this.#series.get(key);
    if (entry === undefined) {
      entry = { labels, series: this.#create() };
      this.#series.set(key, entry);
    }
    return entry.series;
  }

  /** Forgets every series whose first label has this value, for example a removed app's. */
  remove(firstLabel: string): void {
    for (const [key, { labels }] of this.#series) if (labels[0] === firstLabel) this.#series.delete(key);
  }

  /** All series with their label values, oldest first. */
  entries(): Iterable<{ readonly labels: readonly string[]; readonly series: Series }> {
    return this.#series.values();
  }
}

type Renderer = () => string;

/** The metrics of one node. */
export class Metrics {
  readonly #renderers = new Map<string, Renderer>();

  /** A counter without labels. */
  counter(options: Omit<MetricOptions, "labels">): Counter {
    return this.counters(options).with();
  }

  /** A counter per set of label values. */
  counters(options: MetricOptions): Family<Counter> {
    const family = new Family(options.labels?.length ?? 0, () => new Counter());
    this.#register(options, "counter", (lines) => {
      for (const { labels, series } of family.entries()) {
        lines.push(`${options.name}${labelText(options.labels, labels)} ${numberText(series.value)}`);
      }
    });
    return family;
  }

  /** A gauge that is read when the metrics are: `read` gives its number, or one sample per set of label values. */
  gauge(options: MetricOptions, read: () => number | Iterable<GaugeSample>): void {
    this.#registerRead(options, { type: "gauge", read });
  }

  /** The same for numbers that only grow and are counted elsewhere. */
  total(options: MetricOptions, read: () => number | Iterable<GaugeSample>): void {
    this.#registerRead(options, { type: "counter", read });
  }

  /** A histogram without labels. */
  histogram(options: Omit<MetricOptions, "labels"> & HistogramOptions): Histogram {
    return this.histograms(options).with();
  }

  /** A histogram per set of label values. */
  histograms(options: MetricOptions & HistogramOptions): Family<Histogram> {
    const family = new Family(options.labels?.length ?? 0, () => new Histogram(options));
    this.#register(options, "histogram", (lines) => {
      for (const { labels, series } of family.entries()) {
        const names = [...(options.labels ?? []), "le"];
        for (const [bound, count] of series.cumulative()) {
          lines.push(`${options.name}_bucket${labelText(names, [...labels, numberText(bound)])} ${count}`);
        }
        const suffix = labelText(options.labels, labels);
        lines.push(
          `${options.name}_sum${suffix} ${numberText(series.sum)}`,
          `${options.name}_count${suffix} ${series.count}`,
        );
      }
    });
    return family;
  }

  /**
   * Every metric as Prometheus text, in order of registration. One that cannot be read now is left out: the others
   * count more.
   */
  text(): string {
    let text = "";
    for (const render of this.#renderers.values()) {
      try {
        text += render();
      } catch {
        // A series that is missing for a while shows the failure to its reader.
      }
    }
    return text;
  }

  #registerRead(
    options: MetricOptions,
    { type, read }: { readonly type: string; readonly read: () => number | Iterable<GaugeSample> },
  ): void {
    this.#register(options, type, (lines) => {
      const value = read();
      const samples: Iterable<GaugeSample> = typeof value === "number" ? [[[], value]] : value;
      for (const [labels, sample] of samples) {
        lines.push(`${options.name}${labelText(options.labels, labels)} ${numberText(sample)}`);
      }
    });
  }

  #register(options: MetricOptions, type: string, render: (lines: string[]) => void): void {
    if (!/^[a-z_:][a-z0-9_:]*$/.test(options.name)) throw new TypeError(`not a metric name: ${options.name}`);
    if (this.#renderers.has(options.name)) throw new TypeError(`metric registered twice: ${options.name}`);
    this.#renderers.set(options.name, () => {
      const help = options.help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
      const lines = [`# HELP ${options.name} ${help}`, `# TYPE ${options.name} ${type}`];
      render(lines);
      return `${lines.join("\n")}\n`;
    });
  }
}

function labelText(names: readonly string[] = [], values: readonly string[]): string {
  if (names.length !== values.length) throw new TypeError(`labels ${names.join()} do not fit ${values.length} values`);
  if (names.length === 0) return "";
  return `{${names.map((name, index) => `${name}="${escapeLabel(values[index] ?? "")}"`).join(",")}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}
