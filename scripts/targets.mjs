// What the npm scripts run once the tree is installed and built.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { buildIfNeeded } from "./build.mjs";
import { installIfNeeded } from "./install.mjs";
import { npm } from "./npm.mjs";
import { packHere } from "./package.mjs";
import { endWithParent } from "./parent.mjs";
import { run } from "./run.mjs";
import { runTests, runTwice } from "./suites.mjs";

const root = new URL("../", import.meta.url);
const folder = fileURLToPath(root);
const longSeeds = 1_000;

const targets = {
  start: { dev: false, project: "product", run: start },
  mesh: { dev: false, project: "product", run: (args) => runHere("dist/src/cli/experiment.js", args) },
  build: { dev: false, project: "product", run: async () => 0 },
  package: { dev: false, project: "product", run: () => packHere(folder) },
  test: { dev: true, project: "test", run: test },
  "test-long": { dev: true, project: "test", run: testLong },
  "test-docker": { dev: true, project: "test", run: testDocker },
  "test-browser": { dev: true, project: "test", run: testBrowser },
  "test-doors": { dev: true, project: "test", run: testDoors },
  "test-nodes": { dev: true, project: "test", run: testNodes },
  "test-steering": { dev: true, project: "test", run: testSteering },
  "test-timing": { dev: true, project: "test", run: testTiming },
  "test-soak": { dev: true, project: "test", run: (args) => bench(["soak", ...args]) },
  "test-faults": { dev: true, project: "test", run: testFaults },
  "test-pack": { dev: true, project: "test", run: testPack },
  check: { dev: true, project: "test", run: check },
  bench: { dev: true, project: "test", run: bench },
  docs: { dev: true, project: "test", run: docs },
};

/** Installs, builds and runs a target of package.json's scripts with the arguments that follow `--`. */
export async function runTarget(name, args) {
  const target = targets[name];
  if (target === undefined) {
    console.error(`usage: node scripts/bootstrap.mjs ${Object.keys(targets).join("|")} [arguments]`);
    process.exitCode = 2;
    return;
  }
  endWithParent();
  await installIfNeeded({ root, dev: target.dev });
  await buildIfNeeded({ root, project: target.project });
  const code = await target.run(args);
  if (code !== undefined && code !== 0) process.exitCode = code;
}

/** One node with the sample functions. It runs in this process, so signals and exit code need nobody in between. */
async function start(args) {
  const functions = join(folder, "functions");
  await runHere("dist/bundle/herd.js", ["up", "--functions", functions, ...args]);
}

/**
 * Every suite of test/suites.json, or those whose path contains one of the words given; options go to Node's runner.
 * The suites of test/alone.json start many processes: they come last, one at a time. Each suite runs once, and a suite
 * that fails fails the run.
 */
async function test(args) {
  const alone = new Set(listed("test/alone.json"));
  const { suites, options } = chosen("test/suites.json", args);
  if (suites.length === 0) return 2;
  const together = suites.filter((suite) => !alone.has(suite));
  const last = suites.filter((suite) => alone.has(suite));
  const code = together.length === 0 ? 0 : await runTests(together, { folder, options });
  const oneByOne = { folder, options: [...options, "--test-concurrency=1"] };
  const lastCode = last.length === 0 ? 0 : await runTests(last, oneByOne);
  return code || lastCode;
}

/** The suites of test/long.json, which draw their cases from seeds: HERD_SEEDS is their number, by default 1,000. */
async function testLong(args) {
  process.env.HERD_SEEDS ??= String(longSeeds);
  const { suites, options } = chosen("test/long.json", args);
  return suites.length === 0 ? 2 : runTests(suites, { folder, options });
}

/**
 * The suites of test/docker.json, with an engine and an image made for them. With `--if-possible`, a machine that
 * cannot have them is no failure.
 */
async function testDocker(args) {
  const possible = args.includes("--if-possible");
  const { suites, options } = chosen(
    "test/docker.json",
    args.filter((argument) => argument !== "--if-possible"),
  );
  if (suites.length === 0) return 2;
  const { DockerBed, whyNoBed } = await import("./docker-bed.mjs");
  const reason = whyNoBed();
  if (reason !== undefined) {
    console.error(`The tests in containers did not run: ${reason}.`);
    return possible ? 0 : 1;
  }
  const bed = await DockerBed.start(folder);
  try {
    Object.assign(process.env, bed.env);
    return await runTwice(suites, { folder, options });
  } finally {
    await bed.stop();
  }
}

/** The suites of test/doors.json, with the front door that `npm test` does not choose where it has both. */
function testDoors(args) {
  const { suites, options } = chosen("test/doors.json", args);
  process.env.HERD_TEST_DOOR = "node";
  return suites.length === 0 ? 2 : runTests(suites, { folder, options });
}

/**
 * The suites of test/nodes.json on the newest Node 20, 22, 24 and 26, or on those named, as in `-- 22 26`. With
 * `--if-possible`, a machine for which npm has no such binaries is no failure.
 */
async function testNodes(args) {
  const possible = args.includes("--if-possible");
  const isVersion = (argument) => /^\d/.test(argument);
  const words = args.filter((argument) => argument !== "--if-possible" && !isVersion(argument));
  const { suites, options } = chosen("test/nodes.json", words);
  if (suites.length === 0) return 2;
  const { withNodes } = await import("./other-nodes.mjs");
  return withNodes(args.filter(isVersion), {
    possible,
    use: (binary) =>
      runTests(suites, { folder, options, runner: (flags, how) => run(binary, { args: flags, ...how }) }),
  });
}

/** The suites of test/browser.json, which drive a real browser: one at a time, for each starts nodes of its own. */
async function testBrowser(args) {
  const { suites, options } = chosen("test/browser.json", args);
  if (suites.length === 0) return 2;
  const { browserPath } = await import(pathToFileURL(join(folder, "dist/test/browser/browser-path.js")).href);
  if (browserPath() === undefined) {
    console.error("No chromium on the PATH: apt-get install chromium, or name a browser in HERD_BROWSER.");
    return 1;
  }
  return runTwice(suites, { folder, options });
}

/**
 * The suites of test/pack.json: the package, installed from its tarball. With `--if-possible`, no registry is needed.
 */
async function testPack(args) {
  const { suites, options } = chosen(
    "test/pack.json",
    args.filter((argument) => argument !== "--if-possible"),
  );
  if (suites.length === 0) return 2;
  if ((await npm(["view", "hyper-express", "version"], { cwd: folder, stdio: "ignore" })) !== 0) {
    console.error("The package was not installed: the registry that npm is set to does not answer.");
    return args.includes("--if-possible") ? 0 : 1;
  }
  return runTests(suites, { folder, options: [...options, "--test-concurrency=1"] });
}

/** The suites of test/steering.json, which measure: they need the machine for themselves. */
async function testSteering(args) {
  const { suites, options } = chosen("test/steering.json", args);
  return suites.length === 0 ? 2 : runTwice(suites, { folder, options });
}

/** The suites of test/timing.json, which measure and print: one at a time, on a machine with little else to do. */
async function testTiming(args) {
  const { suites, options } = chosen("test/timing.json", args);
  return suites.length === 0 ? 2 : runTwice(suites, { folder, options });
}

/**
 * The suites of test/faults.json: first those in which something of this machine fails, hangs or runs out, then those
 * of test/faults, a mesh in namespaces of its own while its nodes fail. With `--if-possible`, a machine that cannot
 * have namespaces is no failure.
 */
async function testFaults(args) {
  const possible = args.includes("--if-possible");
  const { suites, options } = chosen(
    "test/faults.json",
    args.filter((argument) => argument !== "--if-possible"),
  );
  if (suites.length === 0) return 2;
  const [inside, outside] = [true, false].map((is) => suites.filter((path) => path.startsWith("test/faults/") === is));
  const code = await runTwice(outside, { folder, options });
  if (code !== 0 || inside.length === 0) return code;
  const { clockShifter, runInNamespaces, whyNoFaults } = await import("./faults-bed.mjs");
  const reason = whyNoFaults();
  if (reason !== undefined) {
    console.error(`The tests of faults did not run: ${reason}.`);
    return possible ? 0 : 1;
  }
  const library = clockShifter();
  Object.assign(process.env, { HERD_NAMESPACES: "apart" }, library === undefined ? {} : { HERD_FAKETIME: library });
  return runTests(inside, { folder, options: [...options, "--test-concurrency=1"], runner: runInNamespaces });
}

function chosen(list, args) {
  const options = args.filter((argument) => argument.startsWith("-"));
  const words = args.filter((argument) => !argument.startsWith("-"));
  const suites = listed(list).filter((suite) => words.length === 0 || words.some((word) => suite.includes(word)));
  if (suites.length === 0) console.error(`no suite of ${list} matches ${words.join(" ")}`);
  return { suites, options };
}

function listed(list) {
  return JSON.parse(readFileSync(new URL(list, root), "utf8"));
}

/**
 * The gate: the build has checked the types; here follow lint, format, dead code, architecture, and the prose of pages
 * and sources.
 */
async function check() {
  const biome = await run(process.execPath, {
    args: [join(folder, "node_modules/@biomejs/biome/bin/biome"), "check", "--error-on-warnings", "."],
    cwd: folder,
  });
  const dead = (await knip([])) || (await knip(["--strict"]));
  const architecture = await runTests(["test/architecture.test.ts", "test/docs/pages.test.ts"], { folder });
  return biome || dead || architecture;
}

/** Dead code: see knip.config.js. */
function knip(options) {
  const args = [join(folder, "node_modules/knip/bin/knip.js"), "--treat-config-hints-as-errors", ...options];
  return run(process.execPath, { args, cwd: folder });
}

/** The named benchmark under bench/, or `all`, one after the other, that need no further argument; else the list. */
async function bench([name, ...args]) {
  const questions = JSON.parse(readFileSync(new URL("bench/questions.json", root), "utf8"));
  if (name === "all") {
    for (const [each, { question, needs }] of Object.entries(questions)) {
      if (needs !== undefined) continue;
      console.error(`\n== ${each}: ${question}`);
      const code = await run(process.execPath, { args: [join(folder, `dist/bench/${each}.js`), ...args], cwd: folder });
      if (code !== 0) return code;
    }
    return 0;
  }
  const path = `dist/bench/${name}.js`;
  if (Object.hasOwn(questions, name)) return runHere(path, args);
  const asked = name === undefined || name === "--help";
  const print = asked ? console.log : console.error;
  print("usage: npm run bench -- NAME|all [--json] [--out DIR] [--replace]\n");
  for (const [each, { question, minutes, needs }] of Object.entries(questions))
    print(
      `  ${each.padEnd(10)}${`${minutes} min`.padStart(6)}  ${question}${needs === undefined ? "" : ` (${needs})`}`,
    );
  print("\nEach writes bench/results/NAME.json and NAME.svg and prints what changed since the last stored run.");
  return asked ? 0 : 2;
}

/**
 * The site of the documents, in dist/site, once its links and its prose are checked. With `generate`, the parts of
 * pages that follow from the code are written anew; with `dev`, the site is served while pages change.
 */
async function docs(args) {
  if (args[0] === "generate") return runHere("dist/test/docs/generate.js", []);
  const [verb, rest] = args[0] === "dev" ? ["dev", args.slice(1)] : ["build", args];
  const code = verb === "dev" ? 0 : await runTests(["test/docs/pages.test.ts"], { folder });
  if (code !== 0) return code;
  return run(process.execPath, {
    args: [join(folder, "node_modules/vitepress/bin/vitepress.js"), verb, "docs", ...rest],
    cwd: folder,
  });
}

async function runHere(path, args) {
  const file = join(folder, path);
  process.argv = [process.execPath, file, ...args];
  await import(pathToFileURL(file).href);
}
