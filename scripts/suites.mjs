// Runs suites with Node's test runner: once, or with one more try for few that failed.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { run } from "./run.mjs";

const witness = new URL("./fault-witness.mjs", import.meta.url).href;

/** More failures than these are no accident of timing. */
const mostSecondTries = 3;

/**
 * Runs suites one at a time: paths of sources under `folder`, whose outputs are in `dist`. At most three that fail run
 * once more, after all others; a suite that passes only then is named as unsteady. Resolves to the exit code: 0 when
 * each passed at its first or second try. For suites that share the machine with others by their nature; `npm test`
 * runs each of its suites once.
 */
export async function runTwice(suites, { folder, options = [] }) {
  const scratch = mkdtempSync(join(tmpdir(), "herd-suites-"));
  let interrupted = false;
  const interrupt = () => {
    interrupted = true;
  };
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  try {
    const oneByOne = { folder, options: [...options, "--test-concurrency=1"] };
    const first = await runNamed(suites, { ...oneByOne, names: join(scratch, "failed") });
    const failed = first.failed.map((file) => sourceOf(file, { folder, suites }));
    // A run that failed without naming what failed (a crash of the runner, a signal) has nothing to try again.
    const isRepeatable = failed.length > 0 && failed.length <= mostSecondTries && !failed.includes(undefined);
    if (first.code === 0 || interrupted || !isRepeatable) return first.code;
    return await tryAgain(failed, oneByOne);
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
  }
}

/**
 * Runs suites two at a time and ends one that hangs; resolves to the exit code. A process that a suite started and that
 * ended, or would have, by an exception or a rejection that nothing handled fails the run, whatever the suite made of
 * it. `runner` runs Node with arguments otherwise than here.
 */
export async function runTests(suites, { folder, options = [], runner = runNode }) {
  const timeout = `--test-timeout=${process.env.HERD_SEEDS === undefined ? 600_000 : 3_600_000}`;
  const flags = [
    "--test",
    "--test-concurrency=2",
    timeout,
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
  ];
  const files = suites.map(outputOf);
  const scratch = mkdtempSync(join(tmpdir(), "herd-faults-"));
  const faults = join(scratch, "faults");
  const { NODE_OPTIONS = "" } = process.env;
  const env = { ...process.env, HERD_FAULTS: faults, NODE_OPTIONS: `${NODE_OPTIONS} --import=${witness}`.trim() };
  try {
    const code = await runner([...flags, ...options, ...files], { cwd: folder, env });
    const found = linesOf(faults);
    if (found.length > 0)
      console.log(`\nNothing handled these, in processes that suites started:\n${found.join("\n")}`);
    return found.length > 0 ? code || 1 : code;
  } finally {
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
  }
}

function runNode(args, options) {
  return run(process.execPath, { args, ...options });
}

async function tryAgain(failed, { folder, options }) {
  console.log(`\nFailed, and tried once more: ${failed.join(", ")}`);
  const codes = [];
  for (const suite of failed) codes.push(await runTests([suite], { folder, options }));
  console.log("");
  for (const [index, suite] of failed.entries()) {
    console.log(codes[index] === 0 ? `unsteady: ${suite} failed first and passed then` : `failed twice: ${suite}`);
  }
  return codes.find((code) => code !== 0) ?? 0;
}

/** Runs suites; their exit code, and the files of those that failed, which the runner writes to `names`. */
async function runNamed(suites, { folder, options, names }) {
  // A specifier that starts with a dot is looked up from the working folder, on Windows too.
  const reporter = ["--test-reporter=./scripts/failed-suites.mjs", `--test-reporter-destination=${names}`];
  const code = await runTests(suites, { folder, options: [...options, ...reporter] });
  return { code, failed: code === 0 ? [] : linesOf(names) };
}

function linesOf(path) {
  try {
    return readFileSync(path, "utf8").split("\n").filter(Boolean);
  } catch {
    return [];
  }
}

function outputOf(suite) {
  return join("dist", suite.replace(/\.ts$/, ".js"));
}

function sourceOf(file, { folder, suites }) {
  return suites.find((suite) => resolve(folder, outputOf(suite)) === file);
}
