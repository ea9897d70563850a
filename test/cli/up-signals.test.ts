// A node that is told to stop while it starts: it ends in order, at whatever moment.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../../src/core/package-root.js";
import { herdCommand } from "../../src/testing/herd-command.js";

const functions = fileURLToPath(new URL("functions", packageRoot()));
/** Windows ends a process for good, whatever the signal. */
const skip = process.platform === "win32";

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "herd-signals-"));
});

after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

/** Starts a node, sends SIGTERM once `when` holds and `delayMs` later; how it ended. */
async function interrupted(
  state: string,
  when: () => boolean,
  delayMs: number,
): Promise<{ code: unknown; err: string }> {
  const child = spawn(
    process.execPath,
    [herdCommand, "up", "--port", "0", "--json", "--state", state, "--functions", functions],
    {
      cwd: folder,
    },
  );
  let err = "";
  child.stderr.on("data", (chunk) => (err += chunk));
  child.stdout.resume();
  const closed = once(child, "close");
  while (!when() && child.exitCode === null) await sleep(5);
  await sleep(delayMs);
  child.kill("SIGTERM");
  const [code] = await closed;
  return { code, err };
}

test("SIGTERM at any moment of a first start ends in exit 0, without a stack and without a process left", {
  skip,
}, async () => {
  for (const [index, delayMs] of [0, 20, 150, 600, 1_500, 2_500].entries()) {
    const state = join(folder, `state-${index}`);
    const { code, err } = await interrupted(state, () => existsSync(state), delayMs);
    assert.equal(code, 0, `after ${delayMs} ms: ${err}`);
    assert.doesNotMatch(err, /^herd: |\n {4}at /m);
    assert.ok(!existsSync(join(state, "lock")), `after ${delayMs} ms the state is free`);
    if (process.platform === "linux") assert.deepEqual(await processesNaming(state), []);
  }
});

/** Processes whose command line names that folder. */
async function processesNaming(path: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (line.includes(path)) found.push(`${pid} ${line}`);
  }
  return found;
}
