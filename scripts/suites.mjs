// Runs suites with Node's test runner, two at a time, and gives few that failed one more try, alone.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { run } from "./run.mjs";

const witness = new URL("./fault-witness.mjs", import.meta.url).href;

/** More failures than these are no accident of timing. */
const mostSecondTries = 3;

/**
 * Runs `together` two at a time and then `alone` one at a time: paths of sources under `folder`, whose outputs are in `dist`. At most
 * three that fail run once more, each alone, after all others; what passes only then is told as unsteady. Resolves to the exit code:
 * 0 when each passed at its first or second try.
 */
export async function runSteadily({ together = [], alone = [] }, { folder, options = [] }) {
  const scratch = mkdtempSync(join(tmpdir(), "herd-suites-"));
  let interrupted = false;
  const interrupt = () => {
    interrupted = true;
  };
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  try {
    const first = await runTold(together, { folder, options, told: join(scratch, "together") });
    const second = await runTold(alone, {
      folder,
      options: [...options, "--test-concurrency=1"],
      told: join(scratch, "alone"),
    });
    const code = first.code || second.code;
    // A run that failed without naming what failed (a crash of the runner, a signal) has nothing to try again.
    const named = [first, second].every((told) => told.code === 0 || told.failed.length > 0);
    const suites = [...together, ...alone];
    const failed = [...first.failed, ...second.failed].map((file) => sourceOf(file, { folder, suites }));
    if (code === 0 || interrupted || !named || failed.includes(undefined) || failed.length > mostSecondTries)
      return code;
    return await tryAgain(failed, { folder, options });
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
  console.log(`\nFailed, and tried once more, alone: ${failed.join(", ")}`);
  const codes = [];
  for (const suite of failed)
    codes.push(await runTests([suite], { folder, options: [...options, "--test-concurrency=1"] }));
  console.log("");
  for (const [index, suite] of failed.entries()) {
    console.log(codes[index] === 0 ? `unsteady: ${suite} failed first and passed then` : `failed twice: ${suite}`);
  }
  return codes.find((code) => code !== 0) ?? 0;
}

/** Runs suites; their exit code, and the files of those that failed. */
async function runTold(suites, { folder, options, told }) {
  if (suites.length === 0) return { code: 0, failed: [] };
  // A specifier that starts with a dot is looked up from the working folder, on Windows too.
  const reporter = ["--test-reporter=./scripts/failed-suites.mjs", `--test-reporter-destination=${told}`];
  const code = await runTests(suites, { folder, options: [...options, ...reporter] });
  return { code, failed: code === 0 ? [] : linesOf(told) };
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
