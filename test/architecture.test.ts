// The rules of ARCHITECTURE and of docs/internals/style.md that code can check: layers, cycles, sizes, names, suites.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { packageRoot } from "../src/core/package-root.js";
import { commentFaults } from "./docs/prose.js";
import { importCycles, layerViolations } from "./layers.js";
import { importGraph, importsOf, reachable, readText, type Source, sourcesUnder } from "./source-tree.js";

/** What browsers run: it has a compiler's configuration, a bundler and packages of its own. */
const page = [".ts", ".tsx"].flatMap((ending) => sourcesUnder(["src/console/web"], ending));
const node = sourcesUnder(["src", "runtime"]).filter(
  ({ path }) => !path.startsWith("runtime/guest/") && !path.startsWith("src/console/web/"),
);
const product = [...node, ...page];
const guest = sourcesUnder(["runtime/guest"]);
const tests = sourcesUnder(["test", "bench"]).filter(
  ({ path }) => !/^(test\/fixtures|bench\/(kernels|functions))\//.test(path),
);
const scripts = sourcesUnder(["scripts"], ".mjs");
const styles = sourcesUnder(["src/console/web"], ".css");
const everything = [...product, ...guest, ...tests, ...scripts, ...styles];

/** Texts in quotes, and regular expressions where one may stand. */
const quoted = new RegExp(
  [
    /"(?:[^"\\\n]|\\.)*"/,
    /'(?:[^'\\\n]|\\.)*'/,
    /`(?:[^`\\]|\\.)*`/,
    /(?<=[(,!=&|?:]\s?)\/(?![/*\s])(?:[^/\\\n[]|\\.|\[(?:[^\]\\]|\\.)*\])+\//,
  ]
    .map(({ source }) => source)
    .join("|"),
  "g",
);

/** Every match of a pattern as `file:line: text`. */
function findings(sources: readonly Source[], pattern: RegExp): string[] {
  return sources.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  );
}

test("imports go down the layers only", () => {
  assert.ok(product.length > 10, `${product.length}`);
  assert.deepEqual(layerViolations(product), []);
});

test("no import cycles", () => {
  assert.deepEqual(importCycles(product), []);
});

test("no barrels: a symbol is exported from the file that defines it", () => {
  assert.deepEqual(findings(product, /^export\s+(type\s+)?(\*|\{[^}]*\})\s*(as\s+\w+\s+)?from\b/), []);
  assert.deepEqual(
    product.filter(({ path }) => path.endsWith("/index.ts")).map(({ path }) => path),
    [],
  );
});

test("files stay within 400 lines, with a median near 100", (t) => {
  const lines = ({ text }: Source): number => text.trimEnd().split("\n").length;
  assert.deepEqual(
    everything.filter((source) => lines(source) > 400).map((source) => `${source.path}: ${lines(source)} lines`),
    [],
  );
  const sizes = product.map(lines).sort((a, b) => a - b);
  const median = sizes[sizes.length >> 1] ?? 0;
  t.diagnostic(`median of ${sizes.length} product files: ${median} lines`);
  assert.ok(median <= 150, `the median file has ${median} lines`);
});

test("no file is named after nothing in particular", () => {
  const vague = /(^|[/.-])(utils?|helpers?|common|managers?|misc)([/.-]|$)/;
  assert.deepEqual(
    everything.map(({ path }) => path).filter((path) => vague.test(path) || /[A-Z_ ]/.test(path)),
    [],
  );
});

test("nothing silences the compiler or the linter, and nothing is left to do", () => {
  const self = /^test\/architecture\.test\.ts$/;
  // The guest library is AssemblyScript, whose decorators an editor's TypeScript has to be told to pass.
  const checked = everything.filter(({ path }) => !self.test(path) && !path.startsWith("runtime/guest/"));
  assert.deepEqual(findings(checked, /\bas any\b|: any\b|<any>|@ts-(ignore|nocheck)|eslint-disable/), []);
  assert.deepEqual(findings(checked, /biome-ignore[^:]*:?\s*$|@ts-expect-error\s*$/), []);
  assert.deepEqual(findings(checked, /\b(TODO|FIXME|XXX)\b/), []);
});

test("no object is spread where it is written: each property stands for itself", () => {
  const spread = /\.\.\.\{/;
  const checked = everything.filter(({ path }) => path !== "test/architecture.test.ts");
  assert.deepEqual(findings(checked, spread), []);
});

test("assert.ok has a second argument: what failed, with the values that show it", () => {
  assert.deepEqual(tests.flatMap(bareAssertions), []);
});

test("comments keep the rules of prose that a machine can check, and no line has over 120 characters", () => {
  const folders = ["src", "runtime", "bench", "test", "scripts", "functions"];
  const sources = [".ts", ".tsx", ".mjs"].flatMap((ending) => sourcesUnder(folders, ending));
  const exists = (path: string): boolean => existsSync(new URL(path, packageRoot()));
  assert.ok(sources.length > 500, "few sources were found");
  assert.deepEqual(
    sources.flatMap(({ path, text }) =>
      commentFaults(text, { exists }).map(({ line, problem }) => `${path}:${line}: ${problem}`),
    ),
    [],
  );
});

test("the first line of a file says what it is for", () => {
  const silent = everything.filter(({ text }) => {
    const [first = "", second = ""] = text.split("\n");
    return !/^(\/\/|\/\*\*?) ?\S/.test(first.startsWith("#!") ? second : first);
  });
  assert.deepEqual(
    silent.map(({ path }) => path),
    [],
  );
});

test("every exported symbol of the product has a docstring", () => {
  const bare = product.flatMap(({ path, text }) => {
    const lines = text.split("\n");
    return lines.flatMap((line, index) => {
      const name =
        /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|class|const|let|interface|type|enum) (\w+)/.exec(
          line,
        )?.[1];
      const before = lines[index - 1]?.trim() ?? "";
      const overload = lines.slice(0, index).some((one) => new RegExp(`^export .*function ${name}\\b`).test(one));
      return name === undefined || before.endsWith("*/") || overload ? [] : [`${path}:${index + 1}: ${name}`];
    });
  });
  assert.deepEqual(bare, []);
});

/**
 * Suites that need more than Node, or the machine for themselves, have lists of their own, by the folder that they are
 * in. With the faults are suites of other folders too, in which something fails for long or the machine starves: all
 * others would run out of time beside them.
 */
/** A suite of test/faults.json that is for both front doors too. */
const slowClients = "test/security/slow-clients.test.ts";
const apart = ["browser", "docker", "faults", "pack", "steering", "timing"];

test("every suite is in one list: those of a folder apart in its, and only suites that exist", () => {
  const listOf = (name: string): string[] => JSON.parse(readText(`test/${name}.json`)) as string[];
  const found = tests.map(({ path }) => path).filter((path) => path.endsWith(".test.ts"));
  for (const name of apart) {
    assert.deepEqual(
      listOf(name)
        .filter((path) => name !== "faults" || path.startsWith("test/faults/"))
        .sort(),
      found.filter((path) => path.startsWith(`test/${name}/`)),
    );
  }
  const listed = ["suites", ...apart].flatMap(listOf);
  assert.deepEqual(
    found.filter((path) => !listed.includes(path)),
    [],
    "suites that nobody runs",
  );
  assert.deepEqual(
    listed.filter((path, index) => !found.includes(path) || listed.indexOf(path) !== index),
    [],
    "entries without a suite, or twice",
  );
});

test("test/long.json lists the suites that draw from seeds, and no others", () => {
  const long = JSON.parse(readText("test/long.json")) as string[];
  const seeded = tests.filter(
    ({ path, text }) => path.endsWith(".test.ts") && /\b(eachSeed|seeds)\(|HERD_SEEDS\b.*\?\?/.test(text),
  );
  assert.deepEqual(long, seeded.map(({ path }) => path).sort());
  const listed = JSON.parse(readText("test/suites.json")) as string[];
  assert.deepEqual(
    long.filter((path) => !listed.includes(path)),
    [],
  );
});

test("test/doors.json lists the suites whose servers stand behind either front door", () => {
  const listed = JSON.parse(readText("test/suites.json")) as string[];
  const graph = importGraph(tests, { types: false });
  const behind = listed.filter((path) => reachable(graph, path).has("test/harness/tls/test-door.ts"));
  const doors = JSON.parse(readText("test/doors.json")) as string[];
  assert.deepEqual(
    doors.filter((path) => path !== slowClients),
    behind.sort(),
  );
  assert.ok(doors.includes(slowClients), "its clients hold the server's connections");
  const nodes = JSON.parse(readText("test/nodes.json")) as string[];
  assert.deepEqual(
    nodes.filter((path) => !listed.includes(path)),
    [],
  );
});

test("test/alone.json lists the suites that start node processes by the mesh, and no others", () => {
  const alone = JSON.parse(readText("test/alone.json")) as string[];
  const slow = JSON.parse(readText("test/faults.json")) as string[];
  const starting = tests.filter(
    ({ path, text }) =>
      path.endsWith(".test.ts") &&
      !slow.includes(path) &&
      !apart.some((name) => path.startsWith(`test/${name}/`)) &&
      /\b(startMesh|LocalMesh|UnequalMesh|NodeProcess)\b/.test(text) &&
      path !== "test/architecture.test.ts",
  );
  assert.deepEqual(alone, starting.map(({ path }) => path).sort());
});

test("the page imports only src/api and src/core of the node, and the node imports nothing of the page", () => {
  const graph = importGraph(product);
  const inside = (path: string): boolean => path.startsWith("src/console/web/");
  assert.deepEqual(
    [...graph].filter(([path, to]) => !inside(path) && to.some(inside)).map(([path]) => path),
    [],
  );
  const reached = new Set(page.flatMap(({ path }) => [...reachable(graph, path)].filter((one) => !inside(one))));
  const shared = node.filter(({ path }) => reached.has(path));
  assert.ok(
    shared.some(({ path }) => path.startsWith("src/api/")),
    JSON.stringify(shared),
  );
  assert.deepEqual(
    [...reached].filter((path) => !/^src\/(api|core)\//.test(path)),
    [],
  );
  const foreign = shared.flatMap(({ path, text }) =>
    importsOf(text).flatMap((name) => (name.startsWith(".") || name === "zod" ? [] : [`${path}: ${name}`])),
  );
  assert.deepEqual(foreign, []);
  // Of a namespace import the bundler drops what is not used; `import { z }` brings all of zod, 60 KB more compressed.
  assert.deepEqual(findings(shared, /^import \{.*\} from "zod"/), []);
});

test("no text of others becomes markup in the page", () => {
  assert.deepEqual(
    findings(page, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment/i),
    [],
  );
});

test("runtime/ knows no network", () => {
  const runtime = product.filter(({ path }) => path.startsWith("runtime/"));
  const network =
    /^(node:)?(net|tls|http|https|http2|dns|dgram|inspector|cluster)(\/|$)|^(hyper-express|uWebSockets|undici)/;
  assert.deepEqual(
    runtime.flatMap(({ path, text }) =>
      importsOf(text, { types: false }).flatMap((name) => (network.test(name) ? [`${path}: ${name}`] : [])),
    ),
    [],
  );
});

test("the sandbox's thread imports only what runs in the thread", { skip: !threadExists() }, () => {
  const files = [...reachable(importGraph(product, { types: false }), "runtime/sandbox/thread/worker.ts")];
  const place = /^(runtime\/(sandbox|interface)\/|src\/core\/)/;
  assert.deepEqual(
    files.filter((path) => !place.test(path)),
    [],
  );
  const allowed = /^(\.|node:(worker_threads|buffer|util|perf_hooks|crypto|v8)$|piscina$)/;
  const foreign = product
    .filter(({ path }) => files.includes(path))
    .flatMap(({ path, text }) =>
      importsOf(text, { types: false }).flatMap((name) => (allowed.test(name) ? [] : [`${path}: ${name}`])),
    );
  const exceptions = [
    // It takes the engine's collector out of a context in which nothing else runs.
    "runtime/sandbox/collect-garbage.ts: node:vm",
    // It reads one link.
    "runtime/sandbox/kernel-id.ts: node:fs",
  ];
  assert.deepEqual(foreign, exceptions);
});

test("each dependency has its reason in CONTRIBUTING.md", () => {
  const manifest = JSON.parse(readText("package.json")) as Record<"dependencies" | "devDependencies", object>;
  const guide = readText("CONTRIBUTING.md");
  const unexplained = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.devDependencies)].filter(
    (name) => !new RegExp(`^\\| \`${name}\` \\| \\S`, "m").test(guide),
  );
  assert.deepEqual(unexplained, []);
});

test("the lockfile names no registry and holds every platform's packages", () => {
  const lock = JSON.parse(readText("package-lock.json")) as {
    packages: Record<string, { resolved?: string; optionalDependencies?: Record<string, string> }>;
  };
  const paths = Object.keys(lock.packages);
  assert.deepEqual(
    paths.filter((path) => lock.packages[path]?.resolved !== undefined),
    [],
  );
  const wanted = paths.flatMap((path) => Object.keys(lock.packages[path]?.optionalDependencies ?? {}));
  assert.deepEqual(
    wanted.filter((name) => !paths.some((path) => path.endsWith(`node_modules/${name}`))),
    [],
    "run node scripts/complete-lockfile.mjs",
  );
});

function threadExists(): boolean {
  return product.some(({ path }) => path === "runtime/sandbox/thread/worker.ts");
}

/** Calls of `assert.ok` with one argument, as `file:line`. */
function bareAssertions({ path, text }: Source): string[] {
  const found: string[] = [];
  for (const { 0: call, index: at } of text.matchAll(/\bassert\.ok\(/g)) {
    // Quotes and regular expressions go first: their brackets and commas are none of the call's.
    const rest = text.slice(at + call.length, at + 4_000).replace(quoted, (all) => " ".repeat(all.length));
    let depth = 0;
    for (const character of rest) {
      if ("([{".includes(character)) depth++;
      else if (")]}".includes(character)) depth--;
      else if (character === "," && depth === 0) break;
      if (depth >= 0) continue;
      found.push(`${path}:${text.slice(0, at).split("\n").length}`);
      break;
    }
  }
  return found;
}
