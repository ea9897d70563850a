// The kernels in the sandbox of users' functions: they compile, compute the right results, and give a profile.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { prepare } from "../../runtime/sandbox/prepare/prepare.js";
import type { PreparedRevision } from "../../runtime/sandbox/prepared-revision.js";
import { type Kernel, kernels } from "../../src/capacity/capacity.js";
import { KernelsInSandbox, type PreparedKernels, prepareKernels } from "../../src/capacity/kernel-calls.js";
import { measureProfile } from "../../src/capacity/profiler.js";
import { systemClock } from "../../src/core/clock.js";
import { defaultLimits } from "../../src/core/limits.js";
import { packageRoot } from "../../src/core/package-root.js";
import { testCompiler } from "../runtime/compile/compiling.js";
import { Guest, startSandbox, type TestSandbox } from "../runtime/sandbox/guests.js";

const prepareKernel = (component: Uint8Array, revision: string): Promise<PreparedRevision> =>
  prepare(component, { revision, limits: defaultLimits });
const compiler = testCompiler({ compileTimeoutMs: 120_000 });
let folder: string;
let ready: PreparedKernels<PreparedRevision>;
let guests: TestSandbox;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "herd-kernels-"));
  for (const kernel of kernels) {
    const text = await readFile(new URL(`bench/kernels/${kernel}.ts`, packageRoot()), "utf8");
    const { component } = await compiler.compile([{ path: "index.ts", text }]);
    await writeFile(join(folder, `${kernel}.wasm`), component);
  }
  ready = await prepareKernels({ prepare: prepareKernel }, pathToFileURL(`${folder}/`));
  guests = await startSandbox();
});

after(async () => {
  await guests.sandbox.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The result of each kernel after seven iterations, computed here: no optimizer may change it. */
const checksums: { readonly [kernel in Kernel]: number } = {
  integer: 571_115,
  float: 59.01978091564639,
  memory: 129.75,
  allocation: 1_022_054_975,
  hashing: 1_587_635_373,
  matrix: 8626.312951343749,
};

for (const kernel of kernels) {
  test(`${kernel} computes the expected result, each time, and works longer for more iterations`, async () => {
    const guest = new Guest(guests.sandbox, ready.programs[kernel]);
    assert.equal(await guest.call("run", [7]), checksums[kernel]);
    assert.equal(await guest.call("run", [7]), checksums[kernel]);
    assert.notEqual(await guest.call("run", [70]), checksums[kernel]);
    // Without iterations a kernel only sets up its data.
    assert.equal(typeof (await guest.call("run", [0])), "number");
  });
}

test("a profile of this machine: every kernel on one worker and on all, however busy it is", {
  timeout: 120_000,
}, async () => {
  const runner = new KernelsInSandbox({ sandbox: guests.sandbox, kernels: ready, workers: 2, clock: systemClock });
  const profile = await measureProfile({
    runner,
    clock: systemClock,
    fingerprint: "this",
    length: "short",
    budgetMs: 300,
  });
  for (const { one, all } of Object.values(profile.kernels)) {
    // Only the bounds of a profile: the share that a saturated machine leaves is unknown.
    for (const { unitsPerSecond } of [one, all])
      assert.ok(unitsPerSecond > 1e-3 && unitsPerSecond < 1e7, `${unitsPerSecond}`);
  }
  assert.equal(profile.workers, 2);
  assert.deepEqual(guests.lines, []);
});

test("missing kernels are reported by name", async () => {
  await assert.rejects(prepareKernels({ prepare: prepareKernel }, pathToFileURL(join(folder, "nowhere/"))), {
    code: "ENOENT",
  });
});
