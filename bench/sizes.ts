// What do large values cost on their way into a guest and back, beside the JSON alone?

import { Compiler } from "../runtime/compile/compiler.js";
import { prepare } from "../runtime/sandbox/prepare/prepare.js";
import type { PreparedRevision } from "../runtime/sandbox/prepared-revision.js";
import { Engine } from "../runtime/sandbox/thread/engine.js";
import { Instance } from "../runtime/sandbox/thread/instance.js";
import type { BarPanel, Estimate } from "../src/cli/bench/chart.js";
import { defaultLimits } from "../src/core/limits.js";
import { type BenchRun, bench } from "./report.js";
import { alternate, estimated, paired } from "./rounds.js";

const source = `
export class Record { id: i32 = 0; name: string = ""; score: f64 = 0; ok: bool = false; }
export function text(value: string): string { return value; }
export function length(value: string): i32 { return value.length; }
export function numbers(value: Float64Array): Float64Array { return value; }
export function bytes(value: Uint8Array): Uint8Array { return value; }
export function records(value: Record[]): Record[] { return value; }
export function add(a: i32, b: i32): i32 { return a + b; }
export function take(megabytes: i32): i32 { return new Uint8Array(megabytes << 20).length; }
`;

/** Data of 1.6 MB, which the instance has written when its snapshot is taken. */
const withData = `
const table = new StaticArray<u8>(1_600_000).fill(7);
export function look(at: i32): u8 { return table[at]; }
export function put(at: i32): u8 { return table[at] = 1; }
`;

const limits = { ...defaultLimits, resultBytes: 64 * 2 ** 20 };
const host = { nodeName: "bench", now: () => 0, monotonicNs: () => 0n, fillRandom: () => undefined };

interface Case {
  readonly name: string;
  readonly fn: string;
  readonly argument: unknown;
  /** Calls in one round. */
  readonly calls: number;
  /** The most that a call may take of the same JSON's time. */
  readonly aim?: number;
}

const ascii = (units: number): string => "abcdefghij".repeat(units / 10);
const floats = (count: number): number[] => Array.from({ length: count }, (_, at) => Math.sqrt(at) * 1.1);
const base64 = (bytes: number): string => Buffer.alloc(bytes, 7).toString("base64");
const records = (count: number): object[] =>
  Array.from({ length: count }, (_, at) => ({ id: at, name: `name ${at}`, score: at * 1.5, ok: true }));

const cases: readonly Case[] = [
  { name: "text, 10 KB", fn: "text", argument: ascii(10_000), calls: 1_000, aim: 1.5 },
  { name: "text, 1 MB", fn: "text", argument: ascii(1_000_000), calls: 15, aim: 1.5 },
  { name: "text, 500,000 é", fn: "text", argument: "é".repeat(500_000), calls: 15, aim: 1.5 },
  { name: "text, 6 MB in", fn: "length", argument: ascii(6_000_000), calls: 4 },
  { name: "1,000 numbers", fn: "numbers", argument: floats(1_000), calls: 200, aim: 1.5 },
  { name: "100,000 numbers", fn: "numbers", argument: floats(100_000), calls: 4, aim: 1.5 },
  { name: "bytes, 10 KB", fn: "bytes", argument: base64(10_000), calls: 1_000, aim: 1.3 },
  { name: "bytes, 1 MB", fn: "bytes", argument: base64(1_000_000), calls: 15, aim: 1.3 },
  { name: "10 records", fn: "records", argument: records(10), calls: 3_000, aim: 2 },
  { name: "1,000 records", fn: "records", argument: records(1_000), calls: 40, aim: 2 },
  { name: "10,000 records", fn: "records", argument: records(10_000), calls: 4, aim: 2 },
];
const megabytes = [1, 10, 30];

interface Measured {
  readonly name: string;
  readonly aim?: number | undefined;
  readonly callMs: Estimate;
  readonly jsonMs: Estimate;
  readonly ratio: Estimate;
}

/** Processor time of one of `calls` runs of `act`, in milliseconds, garbage collection included. */
function cpuMs(calls: number, act: () => unknown): number {
  const before = process.cpuUsage();
  for (let call = 0; call < calls; call++) act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / calls;
}

/** What a server does with the value that only gives it back. */
function jsonAlone({ fn }: Case, text: string): string {
  const [value] = JSON.parse(text) as [string];
  if (fn === "bytes") return JSON.stringify(Buffer.from(value, "base64").toString("base64"));
  return JSON.stringify(fn === "length" ? value.length : value);
}

async function compile(text: string): Promise<PreparedRevision> {
  const compiler = new Compiler({ limits: defaultLimits });
  try {
    const { component } = await compiler.compile([{ path: "index.ts", text }]);
    return prepare(component, { revision: "sizes", limits });
  } finally {
    await compiler.stop();
  }
}

/** Time of the reset after a call, in microseconds. */
interface Reset {
  readonly name: string;
  readonly us: Estimate;
}

async function measureResets(rounds: number): Promise<Reset[]> {
  const [small, large] = [await compile(source), await compile(withData)];
  const cases = [
    { name: "small, a function that reads", prepared: small, fn: "add" },
    { name: "small, one that writes", prepared: small, fn: "length" },
    { name: "1.6 MB of data, one that reads", prepared: large, fn: "look" },
    { name: "1.6 MB of data, one that writes", prepared: large, fn: "put" },
  ];
  const calls = 5_000;
  const resets: Reset[] = [];
  for (const { name, prepared, fn } of cases) {
    const instance = new Instance(prepared, { ...host, log: () => undefined, logUnits: () => 0 });
    const reset = (): void => {
      instance.core(fn);
      if (!instance.reset()) throw new Error(`${name}: no reset`);
    };
    const { times } = await alternate(rounds, { times: async () => cpuMs(calls, reset) * 1_000 });
    resets.push({ name, us: estimated(times, (us) => us) });
  }
  return resets;
}

interface Sizes {
  readonly values: readonly Measured[];
  readonly growth: readonly { readonly name: string; readonly ms: Estimate }[];
  readonly resets: readonly Reset[];
}

async function measure(rounds: number): Promise<Sizes> {
  const prepared = await compile(source);
  const engine = new Engine({ limits, host });
  engine.load({ id: 0, prepared });
  const indexes = new Map(prepared.interface.functions.map(({ name }, index) => [name, index]));
  const run = (fn: string, body: string): string | null => {
    const call = { revision: 0, functionIndex: indexes.get(fn) ?? 0, format: "json", body } as const;
    const result = engine.run(call, () => undefined);
    engine.tidy();
    return result;
  };
  const values: Measured[] = [];
  for (const one of cases) {
    const text = JSON.stringify([one.argument]);
    if (run(one.fn, text) !== jsonAlone(one, text)) throw new Error(`${one.name}: the value did not come back`);
    const { call, json } = await alternate(rounds, {
      call: async () => cpuMs(one.calls, () => run(one.fn, text)),
      json: async () => cpuMs(one.calls, () => jsonAlone(one, text)),
    });
    const itself = (ms: number): number => ms;
    const ratio = paired({ of: call, to: json }, (mine, alone) => mine / alone);
    values.push({
      name: one.name,
      aim: one.aim,
      callMs: estimated(call, itself),
      jsonMs: estimated(json, itself),
      ratio,
    });
  }
  const growth = [];
  for (const size of megabytes) {
    const { take } = await alternate(rounds, { take: async () => cpuMs(30, () => run("take", `[${size}]`)) });
    growth.push({ name: `${size} MB`, ms: estimated(take, (ms) => ms) });
  }
  return { values, growth, resets: await measureResets(rounds) };
}

function panelsOf({ values, growth, resets }: Sizes): BarPanel[] {
  return [
    {
      kind: "bars",
      title: "A call beside the JSON alone",
      yLabel: "times the JSON's processor time",
      categories: values.map(({ name }) => name),
      series: [
        { name: "call ÷ JSON", values: values.map(({ ratio }) => ratio) },
        { name: "aim", values: values.map(({ aim }) => (aim === undefined ? undefined : { value: aim })) },
      ],
    },
    {
      kind: "bars",
      title: "A guest that allocates in each call",
      yLabel: "ms",
      categories: growth.map(({ name }) => name),
      series: [{ name: "processor time", values: growth.map(({ ms }) => ms) }],
    },
    {
      kind: "bars",
      title: "The reset after a call",
      yLabel: "µs",
      yScale: "log",
      categories: resets.map(({ name }) => name),
      series: [{ name: "processor time", values: resets.map(({ us }) => us) }],
    },
  ];
}

const method =
  "The engine of a worker in this process: functions that give their argument back, reset included, and JSON.parse " +
  "and JSON.stringify of the same text (with base64 for bytes) in turn; processor time of rounds, medians and 95 % " +
  "intervals, ratios of neighbouring rounds. Allocation: `new Uint8Array` of so many megabytes in each call. " +
  "Resets: of an instance whose memory and globals are those of a small program, and of one with data.";

await bench(
  "sizes",
  async ({ quick }) => {
    const results = await measure(quick ? 5 : 15);
    const key: BenchRun["key"] = [
      ...results.values.map(({ name, ratio }) => ({
        name: `${name}, call ÷ JSON`,
        unit: "",
        better: "lower" as const,
        ...ratio,
      })),
      ...results.growth.map(({ name, ms }) => ({
        name: `a guest that allocates ${name}`,
        unit: "ms",
        better: "lower" as const,
        ...ms,
      })),
      ...results.resets.map(({ name, us }) => ({
        name: `reset, ${name}`,
        unit: "µs",
        better: "lower" as const,
        ...us,
      })),
    ];
    return { method, key, results: { ...results }, panels: panelsOf(results) };
  },
  { quick: true },
);
