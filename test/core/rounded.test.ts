// Numbers for people: the kept texts are those of the numbers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { rounded, roundedText } from "../../src/core/rounded.js";

test("the text of a rounded number is that number's, in and beyond the range that is kept", () => {
  const values = [0, 0.0004, 0.0005, 0.1 + 0.2, 1, 9.999, 9.9994, 9.9996, 10, 12.3456, 1e6, 1e21, -0.5, -0.0001];
  for (const value of [...values, ...values, Number.POSITIVE_INFINITY, Number.NaN]) {
    assert.equal(roundedText(value), String(rounded(value)), `${value}`);
  }
});
