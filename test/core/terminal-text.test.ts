// What strangers wrote cannot move a terminal's cursor, forge a line or turn the text around.

import assert from "node:assert/strict";
import { test } from "node:test";
import { printable } from "../../src/core/terminal-text.js";

test("control and direction characters are shown, not obeyed", () => {
  assert.equal(printable("a\u001b[2Jb\u0007"), "a\\x1b[2Jb\\x07");
  assert.equal(printable("one\r\ntwo\tthree\u0085"), "one\\r\\ntwo\\tthree\\x85");
  assert.equal(printable("abc\u202edcb\u2066\u2028"), "abc\\u202edcb\\u2066\\u2028");
});

test("ordinary text of any script stays as it is", () => {
  for (const text of ["plain", "Grüße, Zoë", "日本語", "👩‍👩‍👧", 'quoted "x" \\n']) assert.equal(printable(text), text);
});
