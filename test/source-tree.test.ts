// The architecture test's own eyes: a rule that sees nothing would pass everything.

import assert from "node:assert/strict";
import { test } from "node:test";
import { importCycles, layerViolations } from "./layers.js";
import { importGraph, importsOf, packageOf, reachable, resolveImport } from "./source-tree.js";

test("imports are found in every form, and not where they only look like one", () => {
  const text = [
    'import a from "./a.js";',
    "import {",
    "  type B,",
    "  c,",
    "} from './b.js';",
    'import "./effect.js";',
    'import * as d from "node:fs";',
    'import type { E } from "../e.js";',
    'import { from } from "./from.js";',
    'export { f } from "./f.js";',
    'export * from "./g.js";',
    'export type { H } from "./h.js";',
    'const later = () => import("./later.js");',
    'let type: import("./type.js").Type;',
    '// import x from "./commented.js";',
    "/*",
    'import x from "./block.js";',
    "*/",
    "export const text = \"import y from './quoted.js'\";",
    "export function f(from: string) {",
    '  return from + "./concatenated.js";',
    "}",
    "export interface G {",
    "  from: string;",
    "}",
    'const url = new URL("./worker.js", import.meta.url);',
  ].join("\n");
  assert.deepEqual(
    new Set(importsOf(text)),
    new Set([
      ...["./a.js", "./b.js", "./effect.js", "node:fs", "../e.js", "./from.js", "./f.js", "./g.js", "./h.js"],
      ...["./later.js", "./type.js"],
    ]),
  );
});

test("an import of types alone can be left out: it is gone when the code runs", () => {
  const text = 'import type { A } from "./a.js";\nimport { type B } from "./b.js";\nexport type { C } from "./c.js";\n';
  assert.deepEqual(importsOf(text, { types: false }), ["./b.js"]);
});

test("a specifier resolves to the source that it names", () => {
  assert.equal(resolveImport("src/server/call/invoke.ts", "../../core/ids.js"), "src/core/ids.ts");
  assert.equal(packageOf("@a/b/c.js"), "@a/b");
  assert.equal(packageOf("zod/v4"), "zod");
});

function tree(files: Record<string, string>) {
  return Object.entries(files).map(([path, imported]) => ({ path, text: `import {} from "${imported}";\n` }));
}

test("an import that goes up or sideways is a violation", () => {
  for (const [path, imported] of [
    ["src/core/a.ts", "../pki/b.js"],
    ["src/pki/a.ts", "../catalog/b.js"],
    ["src/pki/a.ts", "../../runtime/interface/model.js"],
    ["src/deploy/a.ts", "../invoke/b.js"],
    ["src/server/a.ts", "../node/node.js"],
    ["src/node/node.ts", "../cli/main.js"],
    ["runtime/interface/a.ts", "../compile/b.js"],
    ["runtime/sandbox/a.ts", "../compile/b.js"],
    ["src/core/a.ts", "../../test/b.js"],
    ["src/other/a.ts", "../core/ids.js"],
  ] as const) {
    assert.equal(layerViolations(tree({ [path]: imported })).length, 1, `${path} → ${imported}`);
  }
});

test("an import that goes down or stays in its folder is none", () => {
  for (const [path, imported] of [
    ["src/pki/a.ts", "../core/ids.js"],
    ["src/pki/a.ts", "./b.js"],
    ["src/invoke/a.ts", "../catalog/b.js"],
    ["src/cli/up.ts", "../node/node.js"],
    ["runtime/sandbox/a.ts", "../interface/model.js"],
    ["runtime/sandbox/binding/a.ts", "../../../src/core/errors.js"],
  ] as const) {
    assert.deepEqual(layerViolations(tree({ [path]: imported })), [], `${path} → ${imported}`);
  }
});

test("a cycle is found and told by its files", () => {
  const sources = tree({ "src/core/a.ts": "./b.js", "src/core/b.ts": "./c.js", "src/core/c.ts": "./b.js" });
  assert.deepEqual(importCycles(sources), ["src/core/b.ts → src/core/c.ts → src/core/b.ts"]);
  assert.deepEqual([...reachable(importGraph(sources), "src/core/a.ts")].length, 3);
});
