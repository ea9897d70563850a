// A node as a process: heads that come in several reads meet the same bound as those that come in one.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../../src/core/package-root.js";
import { readyOf } from "./child-node.js";
import { exchange } from "./http-client.js";
import { get } from "./http-rows.js";

test("a head of 15 KB is read, in whatever pieces it comes, and one of 20 KB is refused as too large", async (t) => {
  const state = mkdtempSync(join(tmpdir(), "herd-heads-"));
  const main = fileURLToPath(new URL("dist/src/cli/main.js", packageRoot()));
  const flags = ["--json", "--ephemeral", "--host", "127.0.0.1", "--port", "0", "--peer-port", "0"];
  const child = spawn(process.execPath, [main, "up", "--state", state, ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    rmSync(state, { recursive: true, force: true, maxRetries: 5 });
  });
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
