// The built page: nothing inline, hashed names that exist, compressed forms with the same content, a small first load.

import assert from "node:assert/strict";
import { test } from "node:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { readConsolePage } from "../../src/console/built-page.js";

const { html, files } = readConsolePage();
const text = Buffer.from(html.bytes).toString();

test("the page holds no script, style or handler of its own, and names no other origin", () => {
  assert.match(text, /<script type="module" src="\/console\/main-[A-Z0-9]{8}\.js"><\/script>/);
  assert.doesNotMatch(text, /<style|\son[a-z]+=|\sstyle=|https?:\/\//);
  for (const script of text.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)) assert.equal(script[1], "");
});

test("every file that the page names is there under the hash of its content", () => {
  const named = [...text.matchAll(/\/console\/([^"]+)/g)].map(([, name = ""]) => name);
  assert.ok(named.length >= 3, `${named.length}`);
  assert.deepEqual(
    named.filter((name) => !files.has(name)),
    [],
  );
  assert.deepEqual(
    [...files.keys()].filter((name) => !/-[A-Z0-9]{8}\.(js|css|svg)$/.test(name)),
    [],
  );
});

test("the compressed forms hold the same bytes", () => {
  for (const [name, { bytes, brotli, gzip }] of files) {
    if (brotli !== undefined) assert.deepEqual(brotliDecompressSync(brotli), Buffer.from(bytes), name);
    if (gzip !== undefined) assert.deepEqual(gunzipSync(gzip), Buffer.from(bytes), name);
  }
});

test("the first load is below 70 KB, everything below 250 KB", (t) => {
  const sizes = [...files].map(([name, { bytes, brotli = bytes }]) => ({ name, size: brotli.length }));
  const all = sizes.reduce((sum, { size }) => sum + size, 0);
  const first = sizes
    .filter(({ name }) => text.includes(name))
    .reduce((sum, { size }) => sum + size, html.bytes.length);
  t.diagnostic(`first load ${(first / 1_024).toFixed(1)} KB, everything ${(all / 1_024).toFixed(1)} KB, compressed`);
  assert.ok(first < 70 * 1_024, `${first}`);
  assert.ok(all < 250 * 1_024, `${all}`);
});

test("a folder without a page is refused, with the command that builds one", () => {
  assert.throws(() => readConsolePage(new URL("./", import.meta.url)), /holds no page: run npm run build/);
});
