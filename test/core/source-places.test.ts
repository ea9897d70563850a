// Stacks of the bundle name places in the sources.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { packageRoot } from "../../src/core/package-root.js";
import { withSourcePlaces } from "../../src/core/source-places.js";
import { readText } from "../source-tree.js";

const bundle = new URL("dist/bundle/node.js", packageRoot());

test("a place in the bundle becomes the place in the source that it was made of", () => {
  const words = "the lifecycle started without its last part";
  const lines = readFileSync(bundle, "utf8").split("\n");
  const line = lines.findIndex((text) => text.includes(words));
  const column = lines[line]?.indexOf(words) ?? -1;
  assert.ok(line >= 0 && column >= 0, `${line}:${column}`);
  const found = withSourcePlaces(`Error\n    at run (${bundle.href}:${line + 1}:${column + 1})`);
  const [, path = "", sourceLine = ""] = /^Error\n {4}at run \((src\/node\/node\.ts):(\d+):\d+\)$/.exec(found) ?? [];
  assert.ok(readText(path).split("\n")[Number(sourceLine) - 1]?.includes(words), found);
});

test("what is no place in the bundle, and what no map covers, stays", () => {
  const other = new URL("dist/bundle/nothing.js", packageRoot()).href;
  for (const text of [
    "node:internal/fs:1:2",
    `at ${other}:1:1`,
    `at ${new URL("dist/src/a.js:1:2", packageRoot())}`,
    "",
  ])
    assert.equal(withSourcePlaces(text), text);
});
