// A machine that has no time blames nobody: what a source costs is its processor time, and the wait for a core is told
// as such.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Compiler } from "../../runtime/compile/compiler.js";
import { problem } from "../../src/api/problem-document.js";
import { ProblemError } from "../../src/client/errors.js";
import { loadConfig } from "../../src/core/config.js";
import { defaultLimits, type Limits } from "../../src/core/limits.js";
import { HerdNode } from "../../src/node/node.js";
import { withRetries } from "../../src/testing/retry.js";
import { failure, slowSource, upload } from "../runtime/compile/compiling.js";

/** There is no such signal on Windows. */
const skip = process.platform === "win32";
const good = upload("export function f(a: i32): i32 { return a; }");

function compilerWith(limits: Limits): Compiler {
  const compiler = new Compiler({ limits });
  after(() => compiler.stop());
  compiler.start();
  return compiler;
}

/** Stops the compiler's process, as a scheduler does that has no core for it. */
function freeze(compiler: Compiler): () => void {
  const [pid = 0] = compiler.pids;
  process.kill(pid, "SIGSTOP");
  return () => process.kill(pid, "SIGCONT");
}

test("a compiler that gets no core for longer than its processor time still compiles", { skip }, async () => {
  const compiler = compilerWith({ ...defaultLimits, compileCpuMs: 5_000 });
  await compiler.compile(good);
  const thaw = freeze(compiler);
  const compiling = compiler.compile(good);
  await sleep(6_000);
  thaw();
  assert.ok((await compiling).component.length > 0, "an empty component");
});

test("a source that uses up its processor time is at fault, and the next one compiles", async () => {
  const compiler = compilerWith({ ...defaultLimits, compileCpuMs: 3_000 });
  const error = await failure(compiler.compile(upload(slowSource(6_000))));
  assert.equal(error.code, "source.invalid");
  assert.match(error.message, /processor time/);
  await compiler.compile(good);
});

test("a compiler that does not answer in time is the machine's fault: 503 with a time to come back", {
  skip,
}, async () => {
  const limits = { ...defaultLimits };
  const compiler = compilerWith(limits);
  await compiler.compile(good);
  freeze(compiler);
  limits.compileTimeoutMs = 1_000;
  const error = await failure(compiler.compile(good));
  assert.deepEqual([error.code, error.status], ["compile.timeout", 503]);
  assert.ok((error.retryAfterSeconds ?? 0) > 0, `${error.retryAfterSeconds}`);
  assert.equal(error.diagnostics, undefined);
  limits.compileTimeoutMs = defaultLimits.compileTimeoutMs;
  await compiler.compile(good);
});

test("one that the system ends is tried again, and again is no fault of the source", { skip }, async () => {
  const compiler = compilerWith(defaultLimits);
  await compiler.compile(good);
  const end = async (): Promise<void> => {
    const thaw = freeze(compiler);
    const [pid = 0] = compiler.pids;
    process.kill(pid, "SIGKILL");
    thaw();
    await until(async () => !compiler.pids.includes(pid));
  };
  const once = compiler.compile(good);
  await end();
  assert.ok((await once).component.length > 0, "an empty component");
  const twice = failure(compiler.compile(good));
  await end();
  await end();
  assert.equal((await twice).code, "compile.timeout");
});

test("an answer that came while the node itself stood still counts", async () => {
  const limits = { ...defaultLimits };
  const compiler = compilerWith(limits);
  await compiler.compile(good);
  limits.compileTimeoutMs = 10_000;
  const compiling = compiler.compile(good);
  await sleep(20);
  // The main thread of the node, held up for longer than a compilation may take.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 12_000);
  assert.ok((await compiling).component.length > 0, "an empty component");
});

test("the experiment waits for a busy node, and what it cannot do it says in a line", async () => {
  const problem = (status: number) => new ProblemError({ status, code: "some.code", title: "Some error" });
  let asked = 0;
  const busyOnce = async (): Promise<string> => {
    if (asked++ === 0) throw problem(503);
    return "done";
  };
  assert.equal(await withRetries("a deploy", busyOnce), "done");
  await assert.rejects(
    withRetries("a deploy", () => Promise.reject(problem(422))),
    ProblemError,
  );
  const main = fileURLToPath(new URL("../../src/cli/experiment.js", import.meta.url));
  const nowhere = join(tmpdir(), "herd-no-such-folder", "at-all");
  const env = { ...process.env, TMPDIR: nowhere, TEMP: nowhere, TMP: nowhere };
  const { status, stderr } = spawnSync(process.execPath, [main], { env, encoding: "utf8", timeout: 120_000 });
  assert.equal(status, 1);
  assert.match(stderr, /the experiment could not be done: /);
  assert.doesNotMatch(stderr, /^\s+at /m, "no stack");
});

test("over HTTPS it is 503 with Retry-After", async () => {
  const folder = await mkdtemp(join(tmpdir(), "herd-slow-"));
  const flags = {
    port: 0,
    state: join(folder, "state"),
    workers: 1,
    logLevel: "silent",
    name: "slow",
    profile: false,
    warmCompiler: false,
  };
  const config = await loadConfig({ flags });
  const node = new HerdNode({ ...config, limits: { ...config.limits, compileTimeoutMs: 1 } });
  try {
    const { url, ca, token } = await node.start();
    const headers = { authorization: `Bearer ${token}`, "content-type": "text/plain" };
    const asking = request(new URL("/v1/apps/app", url), {
      method: "PUT",
      ca: await readFile(ca),
      headers,
      agent: false,
    });
    asking.end("export function f(): i32 { return 1; }");
    const [answer] = (await once(asking, "response")) as [IncomingMessage];
    const { code } = problem.parse(JSON.parse(Buffer.concat(await answer.toArray()).toString()));
    assert.deepEqual([answer.statusCode, code, answer.headers["retry-after"]], [503, "compile.timeout", "10"]);
  } finally {
    await node.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});

/** Waits a minute at most for something to be so. */
async function until(done: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000;
  while (!(await done())) {
    assert.ok(performance.now() < end, "it did not come about in a minute");
    await sleep(20);
  }
}
