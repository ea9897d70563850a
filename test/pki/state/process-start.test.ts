// Whether a process runs: one that ended and was not waited for does not, though the system still knows its id.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isRunning } from "../../../src/pki/state/process-start.js";

test("this process runs", () => {
  assert.equal(isRunning(process.pid), true);
});

test("a process that ended counts as gone, though its parent never waits for it", {
  skip: process.platform !== "linux",
}, async (context) => {
  // What the shell becomes knows nothing of the child that it has.
  const parent = spawn("sh", ["-c", "sleep 0.1 & echo $!; exec sleep 600"], { stdio: ["ignore", "pipe", "ignore"] });
  context.after(() => parent.kill("SIGKILL"));
  const [first] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(first.toString());
  const state = () => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.[0];
  while (state() !== "Z") await new Promise((resolve) => setTimeout(resolve, 10));
  assert.doesNotThrow(() => process.kill(pid, 0), "the system still knows it");
  assert.equal(isRunning(pid), false);
});
