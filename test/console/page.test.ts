// The page's policy allows its own script and style, and nothing else stands in it that would need more.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { consolePage } from "../../src/console/page.js";

function hashOf(text: string | undefined): string {
  return `sha256-${createHash("sha256")
    .update(text ?? "")
    .digest("base64")}`;
}

test("the hashes are those of the inline script and style", () => {
  const { html, scriptHash, styleHash } = consolePage();
  assert.equal(hashOf(/<script>([\s\S]*?)<\/script>/.exec(html)?.[1]), scriptHash);
  assert.equal(hashOf(/<style>([\s\S]*?)<\/style>/.exec(html)?.[1]), styleHash);
  assert.ok(!/\son[a-z]+=|\sstyle=|innerHTML|https?:\/\//.test(html));
});
