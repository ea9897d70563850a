// Errors as data: how they cross threads, processes and links.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HerdError } from "../../src/core/errors.js";

test("an error survives as data, without its cause", () => {
  const error = new HerdError("function.trapped", "no", { where: "a.ts:1:2", cause: new Error("secret") });
  const copy = HerdError.fromData(JSON.parse(JSON.stringify(error.toData())));
  assert.equal(copy.code, "function.trapped");
  assert.equal(copy.message, "no");
  assert.equal(copy.where, "a.ts:1:2");
  assert.equal(copy.cause, undefined);
});
