// The package finds itself from its compiled files.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { packageRoot } from "../../src/core/package-root.js";

test("the package's root holds its manifest", () => {
  const manifest = JSON.parse(readFileSync(new URL("package.json", packageRoot()), "utf8")) as { name: string };
  assert.equal(manifest.name, "wasmherd");
  assert.match(packageRoot().href, /\/$/);
});
