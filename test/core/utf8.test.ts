// The offset that is reported for a body that is no UTF-8.
import assert from "node:assert/strict";
import { test } from "node:test";
import { invalidUtf8At } from "../../src/core/utf8.js";

test("a fault is found at its byte, wherever it lies in characters of any length", () => {
  for (const character of ["a", "é", "€", "😀"]) {
    const good = Buffer.alloc(40_000, character);
    const whole = good.subarray(0, good.length - (good.length % Buffer.byteLength(character)));
    assert.equal(invalidUtf8At(whole), whole.length, "valid to the end");
    for (const count of [0, 1, 5, 4_096, 8_191]) {
      const at = count * Buffer.byteLength(character);
      assert.equal(invalidUtf8At(Buffer.concat([whole.subarray(0, at), Buffer.of(0xff), whole])), at);
    }
  }
});

test("a character that is cut off is the fault", () => {
  assert.equal(invalidUtf8At(Buffer.from("ab€").subarray(0, 4)), 2);
  assert.equal(invalidUtf8At(Buffer.of(0x80)), 0);
  assert.equal(invalidUtf8At(Buffer.from("é".repeat(10_000)).subarray(0, 19_999)), 19_998);
});
