// A node as a process: heads that come in several reads meet the same bound as those that come in one.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { readyOf, startChild } from "./child-node.js";
import { get } from "./http-rows.js";
import { exchange } from "./raw-client.js";

test("a head of 15 KB is read, in whatever pieces it comes, and one of 20 KB is refused as too large", async (t) => {
  const child = startChild(t, { flags: ["--host", "127.0.0.1"] });
  child.stderr.pipe(process.stderr);
  const ready = await readyOf(child);
  const place = { port: Number(new URL(ready.url).port), ca: readFileSync(ready.ca, "utf8") };
  const head = get(`x: ${"a".repeat(15_000)}\r\n`);
  for (const cut of [100, 3_000, 9_000, head.length - 1]) {
    const { statuses } = await exchange(place, [head.slice(0, cut), head.slice(cut)]);
    assert.deepEqual(statuses, [200], `cut at ${cut}`);
  }
  const large = get(`x: ${"a".repeat(20_000)}\r\n`);
  assert.deepEqual((await exchange(place, large)).statuses, [431]);
  assert.deepEqual((await exchange(place, [large.slice(0, 9_000), large.slice(9_000)])).statuses, [431]);
});
