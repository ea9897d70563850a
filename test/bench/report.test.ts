// Reports of benchmarks: what is stored where, and which changes stand out of the spread.

import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { compareRuns, comparisonTable, type KeyFigure } from "../../bench/comparison.js";
import { type BenchOptions, benchOptions, publish } from "../../bench/report.js";
import { alternate, paired } from "../../bench/rounds.js";
import { estimateOf } from "../../bench/statistics.js";
import { packageRoot } from "../../src/core/package-root.js";
import { UsageError } from "../../src/core/usage-error.js";

const calls = (value: number, low?: number, high?: number): KeyFigure => {
  return { name: "calls", unit: "1/s", better: "higher", value, low, high };
};
const verdict = (before: KeyFigure, now: KeyFigure): string | undefined => compareRuns([before], [now])[0]?.verdict;

test("a change counts when the intervals lie apart, and then by which way is better", () => {
  assert.equal(verdict(calls(100, 90, 110), calls(115, 105, 125)), "same");
  assert.equal(verdict(calls(100, 90, 110), calls(130, 120, 140)), "better");
  assert.equal(verdict(calls(130, 120, 140), calls(100, 90, 110)), "worse");
  const lower = { better: "lower" as const };
  assert.equal(verdict({ ...calls(100, 90, 110), ...lower }, { ...calls(130, 120, 140), ...lower }), "worse");
  assert.equal(verdict({ ...calls(100), better: "neither" }, { ...calls(150), better: "neither" }), "changed");
});

test("without an interval, a tenth is spread", () => {
  assert.equal(verdict(calls(100), calls(109)), "same");
  assert.equal(verdict(calls(100), calls(112)), "better");
});

test("a figure that is new, gone or in another unit is said to be so", () => {
  const old = { ...calls(1), name: "old" };
  const changes = compareRuns([old, calls(2)], [{ ...calls(3), unit: "1/min" }]);
  assert.deepEqual(
    changes.map(({ name, verdict }) => `${name} ${verdict}`),
    ["calls new", "old gone"],
  );
  assert.match(comparisonTable(changes), /^calls, 1\/min +3 +new$/m);
});

test("the interval of a median is that of its order statistics", () => {
  const numbers = Array.from({ length: 20 }, (_none, index) => 20 - index);
  assert.deepEqual(estimateOf(numbers), { value: 11, low: 6, high: 15 });
  assert.deepEqual(estimateOf([3, 1, 2]), { value: 2, low: 1, high: 3 });
});

test("paired rounds alternate their order, warm up once, and keep pairs together", async () => {
  const order: string[] = [];
  let round = 0;
  const way = (name: string) => async () => {
    order.push(name);
    return ++round;
  };
  const { a, b } = await alternate(2, { a: way("a"), b: way("b") });
  assert.equal(order.join(""), "abbaab");
  assert.deepEqual(
    [a, b],
    [
      [4, 5],
      [3, 6],
    ],
  );
  assert.deepEqual(
    paired({ of: a, to: b }, (one, other) => one - other),
    { value: 1, low: -1, high: 1 },
  );
});

const run = (value: number) => ({
  name: "invoke",
  method: "Counted.",
  results: { value },
  panels: [],
  key: [calls(value, value - 1, value + 1)],
});

async function folderOf(t: TestContext): Promise<BenchOptions> {
  const out = await mkdtemp(join(tmpdir(), "herd-report-"));
  t.after(() => rm(out, { recursive: true, force: true }));
  return { json: false, replace: false, quick: false, out };
}

async function storedValue(options: BenchOptions, name: string): Promise<unknown> {
  const { question, method, at, machine, results } = JSON.parse(await readFile(join(options.out, name), "utf8"));
  assert.ok(
    question.endsWith("?") && method === "Counted." && Date.parse(at) > 0 && machine.cores > 0,
    JSON.stringify({ question, method, at, machine }),
  );
  return results.value;
}

test("a run is stored as JSON and picture, and the next is told beside it", async (t) => {
  const options = await folderOf(t);
  const first = await publish(run(100), options);
  assert.doesNotMatch(first.text, /Beside/);
  const { text } = await publish(run(200), options);
  assert.match(text, /Beside the run of .*:\n.*\ncalls, 1\/s +100 +200 +199 … 201 +2\.00 +better/);
  assert.deepEqual((await readdir(options.out)).sort(), ["invoke.json", "invoke.svg"]);
  assert.equal(await storedValue(options, "invoke.json"), 200);
  assert.match(await readFile(join(options.out, "invoke.svg"), "utf8"), /What does a call cost.*<\/title>/);
});

test("a run of another machine stays, unless it is to be replaced, and both are said", async (t) => {
  const options = await folderOf(t);
  const path = join(options.out, "invoke.json");
  const { report } = await publish(run(100), options);
  const machine = { ...(report.machine as object), cpu: "Another" };
  await writeFile(path, JSON.stringify({ ...report, machine }));
  const { text } = await publish(run(50), options);
  assert.match(text, /ANOTHER MACHINE \(Another/);
  assert.match(text, /invoke\.json is of another machine and stays/);
  assert.deepEqual(
    [await storedValue(options, "invoke.json"), await storedValue(options, "invoke.local.json")],
    [100, 50],
  );
  const again = await publish(run(51), options);
  assert.match(again.text, /calls, 1\/s +50 +51/, "the next is compared with the last of this machine");
  const replaced = await publish(run(52), { ...options, replace: true });
  assert.match(replaced.text, /replaces a run of another machine/);
  assert.equal(await storedValue(options, "invoke.json"), 52);
});

test("a quick run is kept apart, and is told beside the full one while it is the first", async (t) => {
  const options = await folderOf(t);
  await publish(run(100), options);
  const { text } = await publish(run(1), { ...options, quick: true });
  assert.match(text, /calls, 1\/s +100 +1 /);
  assert.deepEqual(
    [await storedValue(options, "invoke.json"), await storedValue(options, "invoke.quick.json")],
    [100, 1],
  );
});

test("a file that is no report does not keep a run from being stored", async (t) => {
  const options = await folderOf(t);
  for (const text of ["", "[]", '{"at": 1}']) {
    await writeFile(join(options.out, "invoke.json"), text);
    await publish(run(7), options);
    assert.equal(await storedValue(options, "invoke.json"), 7);
  }
});

test("options that a benchmark does not have are refused", () => {
  assert.equal(benchOptions(["--quick", "--json"], { quick: true }).quick, true);
  for (const wrong of [["--quick"], ["--nothing"], ["word"], ["--out"]])
    assert.throws(() => benchOptions(wrong), UsageError, wrong.join(" "));
});

test("every benchmark that is listed exists", async () => {
  const questions = JSON.parse(await readFile(new URL("bench/questions.json", packageRoot()), "utf8"));
  const sources = await readdir(new URL("bench", packageRoot()));
  assert.deepEqual(
    Object.keys(questions).filter((name) => !sources.includes(`${name}.ts`)),
    [],
  );
});
