// The bounded map that drops the least recently used entry.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LruMap } from "../../src/core/lru-map.js";

test("a bounded map drops the entry that was used least recently; looking without using keeps the order", () => {
  const map = new LruMap<string, number>(3);
  for (const [key, value] of [
    ["a", 1],
    ["b", 2],
    ["c", 3],
  ] as const)
    map.set(key, value);
  assert.equal(map.get("a"), 1);
  assert.equal(map.peek("b"), 2);
  map.set("d", 4);
  assert.deepEqual(
    [...map],
    [
      ["c", 3],
      ["a", 1],
      ["d", 4],
    ],
  );
  map.set("c", 5);
  map.set("e", 6);
  assert.deepEqual(
    [...map],
    [
      ["d", 4],
      ["c", 5],
      ["e", 6],
    ],
  );
  assert.equal(map.get("a"), undefined);
  assert.equal(map.delete("d"), true);
  assert.equal(map.size, 2);
});
