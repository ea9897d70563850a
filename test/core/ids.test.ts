// Random names and invocation ids.

import assert from "node:assert/strict";
import { test } from "node:test";
import { invocationIds, randomBase64url, randomHex } from "../../src/core/ids.js";

test("random ids have the length asked for, in their alphabet, and differ", () => {
  assert.match(randomHex(16), /^[0-9a-f]{32}$/);
  assert.match(randomBase64url(16), /^[A-Za-z0-9_-]{22}$/);
  assert.notEqual(randomHex(16), randomHex(16));
});

test("invocation ids differ within a source and between sources", () => {
  const first = invocationIds();
  const second = invocationIds();
  const ids = new Set(Array.from({ length: 10_000 }, (_, index) => (index % 2 ? first() : second())));
  assert.equal(ids.size, 10_000);
  for (const id of ids) assert.match(id, /^[0-9a-f]{12}-[0-9a-z]+$/);
});
