// The report of a benchmark: a stated question, its method and machine, results as JSON and as a picture, beside the
// last stored run.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as z from "zod";
import { drawFigure, type Figure } from "../src/cli/bench/chart.js";
import { type Machine, machine } from "../src/cli/machine.js";
import { packageRoot } from "../src/core/package-root.js";
import { UsageError } from "../src/core/usage-error.js";
import { compareRuns, comparisonTable, type KeyFigure } from "./comparison.js";

/** Options of a benchmark's command line. */
export interface BenchOptions {
  /** Print the report as JSON on standard output, everything else on standard error. */
  readonly json: boolean;
  /** Store the run in place of a run of another machine. */
  readonly replace: boolean;
  /** Measure less; the run is kept apart from the stored one. */
  readonly quick: boolean;
  /** Folder of the results. */
  readonly out: string;
  /** Folder of another checkout of this project, built. */
  readonly base?: string;
  /** How long to run. */
  readonly minutes?: number;
}

/** A run to publish. */
export interface BenchRun {
  /** How it was measured, in a few sentences. */
  readonly method: string;
  /** The key figures, which are compared with other runs. */
  readonly key: readonly KeyFigure[];
  readonly results: Readonly<Record<string, unknown>>;
  readonly panels: Figure["panels"];
  readonly columns?: number;
}

const stored = z.object({
  at: z.string(),
  machine: z.record(z.string(), z.unknown()),
  key: z
    .array(
      z.object({
        name: z.string(),
        unit: z.string(),
        better: z.enum(["lower", "higher", "neither"]),
        value: z.number(),
        low: z.number().optional(),
        high: z.number().optional(),
      }),
    )
    .default([]),
});
type Stored = z.infer<typeof stored>;

/** Load of the machine before the benchmark adds its own. */
const loadBefore = loadavg()[0] ?? 0;

/** Options that only some benchmarks have. */
export interface KnownOptions {
  readonly quick?: boolean;
  readonly base?: boolean;
  readonly minutes?: boolean;
}

/**
 * Runs the benchmark `name`, an entry of `bench/questions.json`, with the options of the command line, and publishes
 * the result. A wrong option ends the process with code 2.
 */
export async function bench(
  name: string,
  measure: (options: BenchOptions) => Promise<BenchRun>,
  known: KnownOptions = {},
): Promise<void> {
  try {
    const options = benchOptions(process.argv.slice(2), known);
    const { text, report } = await publish({ name, ...(await measure(options)) }, options);
    if (options.json) console.error(text);
    console.log(options.json ? JSON.stringify(report, null, 2) : text);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
}

/** The options in `args`, and of the `known` ones. Throws {@link UsageError}. */
export function benchOptions(args: readonly string[], known: KnownOptions = {}): BenchOptions {
  const flag = { type: "boolean", default: false } as const;
  const folder = { type: "string" } as const;
  const options = { json: flag, replace: flag, quick: flag, out: folder, base: folder, minutes: folder } as const;
  try {
    const { values } = parseArgs({ args: [...args], options });
    for (const name of ["quick", "base", "minutes"] as const)
      if (values[name] && !known[name]) throw new TypeError(`this benchmark has no --${name}`);
    const { json, replace, quick } = values;
    const out = values.out === undefined ? fileURLToPath(new URL("bench/results", packageRoot())) : resolve(values.out);
    const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
    if (minutes !== undefined && !(minutes > 0)) throw new TypeError(`--minutes ${values.minutes} is no time`);
    const base = values.base === undefined ? undefined : resolve(values.base);
    return { json, replace, quick, out, ...(base && { base }), ...(minutes && { minutes }) };
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

/** A published report: the file's content, and the text for a person. */
export interface Published {
  readonly report: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/**
 * Writes `NAME.json` and `NAME.svg`, and returns the comparison of the key figures with the last run. A stored run of
 * another machine is kept: the new run then goes to `NAME.local.json`, a quick one to `NAME.quick.json`, both of which
 * git ignores.
 */
export async function publish(run: BenchRun & { readonly name: string }, options: BenchOptions): Promise<Published> {
  const { name, method, key, results, panels, columns = 1 } = run;
  const question = await questionOf(name);
  const here = machine();
  const report = { question, method, at: new Date().toISOString(), machine: { ...here, loadBefore }, key, results };

  const reference = await lastRun(join(options.out, `${name}.json`));
  const foreign = reference !== undefined && !sameMachine(reference.machine, here);
  const variant = options.quick ? ".quick" : foreign && !options.replace ? ".local" : "";
  const path = join(options.out, `${name}${variant}`);
  const own = variant === "" ? reference : await lastRun(`${path}.json`);
  const last = own ?? reference;

  const lines = ["", question, machineText({ ...here, loadBefore }), ""];
  if (last !== undefined) lines.push(`Beside the run of ${last.at}${difference(last.machine, here)}:`);
  lines.push(comparisonTable(compareRuns(last?.key ?? [], key)), "");
  if (variant === ".local")
    lines.push(`${name}.json is of another machine and stays; --replace stores this run in its place.`);
  if (own !== undefined && !sameMachine(own.machine, here)) lines.push("This replaces a run of another machine.");
  lines.push(`Written: ${path}.json, ${path}.svg`);

  const figure: Figure = { title: question, note: `${method} ${machineText(here)}`, panels, columns };
  await mkdir(options.out, { recursive: true });
  await writeFile(`${path}.json`, `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(`${path}.svg`, drawFigure(figure));
  return { report, text: lines.join("\n") };
}

async function questionOf(name: string): Promise<string> {
  const text = await readFile(new URL("bench/questions.json", packageRoot()), "utf8");
  const question = (JSON.parse(text) as Record<string, { question: string }>)[name]?.question;
  if (question === undefined) throw new TypeError(`bench/questions.json has no ${name}`);
  return question;
}

/** The run in a file; undefined when there is none, or when the file is not a run. */
async function lastRun(path: string): Promise<Stored | undefined> {
  try {
    return stored.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || error instanceof z.ZodError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function difference(then: Readonly<Record<string, unknown>>, now: Machine): string {
  if (!sameMachine(then, now)) return `, ANOTHER MACHINE (${machineText(then)})`;
  return then.node === now.node ? "" : `, under Node ${String(then.node)}`;
}

/** Whether numbers of the two can be compared: the same machine, whatever Node it runs. */
function sameMachine(one: Readonly<Record<string, unknown>>, other: Machine): boolean {
  const kept = ["platform", "cpu", "cores", "memoryGibibytes"] as const;
  return kept.every((key) => one[key] === other[key]);
}

function machineText(of: Readonly<Record<string, unknown>>): string {
  const load = typeof of.loadBefore === "number" ? `, load before ${of.loadBefore.toFixed(1)}` : "";
  return `${of.cpu}, ${of.cores} cores, ${of.memoryGibibytes} GiB, ${of.platform}, Node ${of.node}${load}.`;
}
