// The reference names what the code has, and nothing else: each list is compared in both directions.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readyLine } from "../../src/api/ready.js";
import { herdProgram } from "../../src/cli/program.js";
import { errorTable } from "../../src/core/error-codes.js";
import { defaultLimits } from "../../src/core/limits.js";
import { auditEvents } from "../../src/pki/registry/audit-record.js";
import { startNode } from "../harness/tls/real-node.js";
import { readText, sourcesUnder } from "../source-tree.js";
import { commandsOf } from "./commands.js";
import { generatedParts } from "./generated-parts.js";
import { eventRows } from "./https-part.js";
import { rowsBelow, withPart } from "./markdown.js";

const product = sourcesUnder(["src", "runtime"]).filter(({ path }) => !path.startsWith("src/console/web/"));

/** Fields of the `ready` line, whose table stands below the same heading. */
const readyFields: readonly string[] = Object.keys(readyLine.shape);

/** The text of a cell that is one piece of code. */
const codeIn = (cell = ""): string => /^`([^`]+)`/.exec(cell)?.[1] ?? cell;
const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort();

test("the generated parts of pages are what the code gives: npm run docs -- generate", async () => {
  for (const part of await generatedParts()) {
    const text = readText(part.page);
    assert.equal(text, withPart(text, part), `${part.page}, ${part.name}`);
  }
});

test("command line: what each command prints with --json", async () => {
  const rows = rowsBelow(readText("docs/reference/command-line.md"), "Output");
  const documented = rows
    .flatMap(([commands = ""]) => [...commands.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name))
    .filter((name) => /^[a-z]+( [a-z]+)?$/.test(name) && !readyFields.includes(name));
  const commands = commandsOf(herdProgram()).map(({ name }) => name.replace(/^herd /, ""));
  assert.deepEqual(sorted(documented), sorted(commands));
});

test("errors: every code with its status", () => {
  const documented = rowsBelow(readText("docs/reference/errors.md"), "Codes").map(
    ([status, code]) => `${status} ${codeIn(code)}`,
  );
  const coded = Object.entries(errorTable).map(([code, { status }]) => `${status} ${code}`);
  assert.deepEqual(documented.sort(), coded.sort());
});

test("limits: every limit of a configuration, beside its default", () => {
  const rows = readText("docs/reference/limits.md")
    .split("\n")
    .filter((line) => line.startsWith("|"));
  const missing = Object.entries(defaultLimits)
    .map(([name, most]) => ({ name, text: quantity(name, most) }))
    .filter(({ name, text }) => !rows.some((row) => row.includes(`\`limits.${name}\``) && row.includes(text)));
  assert.deepEqual(missing, []);
  const named = rows.flatMap((row) => [...row.matchAll(/`limits\.(\w+)`/g)].map(([, name = ""]) => name));
  assert.deepEqual(sorted(named), Object.keys(defaultLimits).sort());
});

test("metrics: every name with its type, and the labels that a node shows", async () => {
  const rows = rowsBelow(readText("docs/reference/metrics.md"), "Metrics");
  const documented = new Map(rows.map(([name, type, labels]) => [codeIn(name), { type, labels: codeIn(labels) }]));
  const running = await startNode({ profile: true });
  try {
    const { text } = await running.client.send("/metrics");
    const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    assert.deepEqual([...documented].map(([name, { type }]) => `${name} ${type}`).sort(), types.sort());
    for (const [, name = "", labels = ""] of text.matchAll(/^([a-z_:]+)\{([^}]*)\}/gm)) {
      const metric = documented.get(name) ?? documented.get(name.replace(/_(bucket|sum|count)$/, ""));
      const shown = [...labels.matchAll(/(\w+)=/g)].map(([, label = ""]) => label).filter((label) => label !== "le");
      assert.equal(metric?.labels ?? "", shown.join(), name);
    }
  } finally {
    await running.stop();
  }
});

test("events: every type that GET /v1/events sends, with its fields", () => {
  const documented = rowsBelow(readText("docs/reference/events.md"), "Events of the mesh").map(
    ([type, fields = ""]) => `${codeIn(type)}: ${fields.replaceAll("`", "")}`,
  );
  const declared = eventRows().map(([type, fields]) => `${type}: ${fields.join(", ")}`);
  assert.deepEqual(documented.sort(), declared.sort());
});

test("audit events: every one", () => {
  const documented = rowsBelow(readText("docs/reference/events.md"), "Audit events").map(([event]) => codeIn(event));
  assert.deepEqual(sorted(documented), sorted(auditEvents));
});

test("environment: every variable of the product, and every one of its tests and scripts", () => {
  const named = (files: readonly { readonly text: string }[]): string[] =>
    files.flatMap(({ text }) => text.match(/\bHERD_[A-Z_]*[A-Z]\b/g) ?? []);
  const ofProduct = sorted(named(product));
  const rows = rowsBelow(readText("docs/reference/configuration.md"), "Environment variables");
  assert.deepEqual(sorted(rows.map(([name]) => codeIn(name))), ofProduct);
  const own = "test/docs/";
  const others = [...sourcesUnder(["test", "bench"]), ...sourcesUnder(["scripts"], ".mjs")];
  const ofTests = named(others.filter(({ path }) => !path.startsWith(own))).filter((name) => !ofProduct.includes(name));
  const guide = rowsBelow(readText("CONTRIBUTING.md"), "Variables of tests").map(([name]) => codeIn(name));
  assert.deepEqual(sorted(guide), sorted(ofTests));
});

/** A limit as pages write it: sizes in the largest binary unit that fits, times in seconds. */
function quantity(name: string, most: number): string {
  if (name.endsWith("Ms")) return `${most / 1_000} s`;
  if (!name.endsWith("Bytes")) return most.toLocaleString("en");
  const power = [3, 2, 1].find((exponent) => most % 1_024 ** exponent === 0) ?? 0;
  return `${most / 1_024 ** power} ${["B", "KiB", "MiB", "GiB"][power]}`;
}
