// Sealed bytes open in their place, under their key, whole; in no other way.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Sealer } from "../../src/storage/sealer.js";

const sealer = new Sealer(Buffer.alloc(32, 1));

test("what is sealed opens again, and never looks the same twice", () => {
  for (const content of [Buffer.alloc(0), Buffer.from("x"), Buffer.alloc(1_000_000, 7)]) {
    const sealed = sealer.seal(content, "a/b");
    assert.deepEqual(sealer.open(sealed, "a/b"), content);
    assert.notDeepEqual(sealer.seal(content, "a/b"), sealed);
  }
  assert.equal(sealer.open(sealer.seal("text é", "a"), "a")?.toString(), "text é");
});

test("every changed bit, every cut, another context and another key are found out", () => {
  const sealed = sealer.seal("secret", "catalog/index");
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const changed = Buffer.from(sealed);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(sealer.open(changed, "catalog/index"), undefined);
  }
  for (let length = 0; length < sealed.length; length++) {
    assert.equal(sealer.open(sealed.subarray(0, length), "catalog/index"), undefined);
  }
  assert.equal(sealer.open(sealed, "catalog/other"), undefined);
  assert.equal(new Sealer(Buffer.alloc(32, 2)).open(sealed, "catalog/index"), undefined);
  assert.throws(() => new Sealer(Buffer.alloc(16)), RangeError);
});
