// The code and its documentation list the same errors, both ways.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { errorTable, HerdError } from "../../src/core/errors.js";
import { packageRoot } from "../../src/core/package-root.js";

test("docs/errors.md lists every code with its status, and no other", async () => {
  const text = await readFile(new URL("docs/errors.md", packageRoot()), "utf8");
  const documented = [...text.matchAll(/^\| (\d{3}) \| `([a-z.-]+)` \|/gm)].map(
    ([, status, code]) => `${status} ${code}`,
  );
  const coded = Object.entries(errorTable).map(([code, { status }]) => `${status} ${code}`);
  assert.deepEqual(documented.sort(), coded.sort());
});

test("an error survives as data, without its cause", () => {
  const error = new HerdError("function.trapped", "no", { where: "a.ts:1:2", cause: new Error("secret") });
  const copy = HerdError.fromData(JSON.parse(JSON.stringify(error.toData())));
  assert.equal(copy.code, "function.trapped");
  assert.equal(copy.message, "no");
  assert.equal(copy.where, "a.ts:1:2");
  assert.equal(copy.cause, undefined);
});
