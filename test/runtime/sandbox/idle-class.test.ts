// The idle scheduling class of the threads, as the kernel reports it: entered at once, left only by new threads.
import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { promisify } from "node:util";
import { allowedCores, parseCores, splitCores } from "../../../runtime/sandbox/pool/cores.js";
import { IdleClass } from "../../../runtime/sandbox/pool/thread-priority.js";
import { compileGuests, Guest, startSandbox } from "./guests.js";

const skip =
  process.platform !== "linux"
    ? "only Linux has priorities of threads"
    : spawnSync("chrt", ["--version"]).error !== undefined && "this machine has no chrt";
/** sched(7) */
const idlePolicy = 5;
/** The URL of a module of `src/core`, as a literal of a script. */
const moduleUrl = (name: string): string =>
  JSON.stringify(new URL(`../../../src/core/${name}.js`, import.meta.url).href);

/** Scheduling policy and niceness of a thread or process: proc(5), fields 41 and 19 of its `stat`. */
function classOf(folder: string): { policy: number; nice: number } {
  const text = readFileSync(`${folder}/stat`, "utf8");
  // The name before may hold blanks; field 3 follows it.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { policy: Number(fields[38]), nice: Number(fields[16]) };
}

/** Kernel ids of this process' threads in the idle class. */
function idleThreads(): string[] {
  return readdirSync("/proc/self/task").filter((id) => {
    try {
      return classOf(`/proc/self/task/${id}`).policy === idlePolicy;
    } catch {
      return false;
    }
  });
}

/** Cores that a thread of this process may use. */
function coresOf(id: string | number): number[] {
  try {
    const text = readFileSync(`/proc/self/task/${id}/status`, "utf8");
    return parseCores(/^Cpus_allowed_list:\s*(\S+)$/m.exec(text)?.[1] ?? "");
  } catch {
    return [];
  }
}

function isSame(cores: readonly number[], others: readonly number[] | undefined): boolean {
  return cores.join() === others?.join();
}

/** Waits for a condition; returns the milliseconds. Ends with its test: an endless wait would block the whole run. */
async function until(isSo: () => boolean): Promise<number> {
  const began = performance.now();
  while (!isSo()) {
    assert.ok(performance.now() - began < 55_000, `${isSo} did not come about`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return performance.now() - began;
}

test("threads join the idle class while they run and when they are new, and leave it without holding calls up", {
  skip,
  timeout: 60_000,
}, async (context) => {
  const { spin } = await compileGuests("spin");
  const { sandbox, lines } = await startSandbox({ workers: 2 });
  const guest = new Guest(sandbox, await sandbox.prepare(spin, "spin"));
  // On a busy machine a thread of the idle class waits long for a core.
  const deadline = Date.now() + 50_000;
  try {
    const running = guest.call("sayAndSpin", [500], { deadline });
    await until(() => lines.length === 1);
    sandbox.allow({ slots: 2, idleClass: true });
    context.diagnostic(`all in after ${await until(() => idleThreads().length === 3)} ms`);
    await running;

    const before = new Set(idleThreads());
    const killed = guest.failure("sayAndSpin", [1e6], { deadline });
    await until(() => lines.length === 2);
    await sandbox.preempt(0);
    assert.equal((await killed).code, "node.paused");
    await until(() => idleThreads().length === 3 && idleThreads().some((id) => !before.has(id)));

    const slow = guest.call("sayAndSpin", [500], { deadline });
    await until(() => lines.length === 3);
    sandbox.allow({ slots: 2, idleClass: false });
    let answered = 0;
    while (idleThreads().length > 1) {
      assert.equal(await guest.call("add", [answered, 1], { deadline }), answered + 1);
      answered++;
    }
    await slow;
    context.diagnostic(`out after ${await until(() => idleThreads().length === 0)} ms more`);
    sandbox.allow({ slots: 2, idleClass: true });
    await until(() => idleThreads().length === 3);
  } finally {
    await sandbox.stop();
  }
});

test("a list of cores is read as the kernel writes it, and shared out", () => {
  assert.deepEqual(parseCores("0-3,8,10-11"), [0, 1, 2, 3, 8, 10, 11]);
  for (const list of ["", "x", "3-1", "1-", "-1", "0-99999", "9000", "1,,2"])
    assert.deepEqual(parseCores(list), [], list);
  assert.equal(splitCores([]), undefined);
  assert.equal(splitCores([5]), undefined);
  assert.deepEqual(splitCores([0, 1]), { all: [0, 1], main: [0], guests: [1] });
  assert.deepEqual(splitCores([0, 1, 2, 3, 4]), { all: [0, 1, 2, 3, 4], main: [0, 1], guests: [2, 3, 4] });
});

test("lowered threads and the main thread share no core, and all have all of them again", {
  skip: skip || (allowedCores().length < 2 && "there is one core"),
  timeout: 60_000,
}, async () => {
  const split = splitCores(allowedCores());
  const { sandbox } = await startSandbox({ workers: 2 });
  try {
    sandbox.allow({ slots: 2, idleClass: true });
    await until(() => idleThreads().filter((id) => isSame(coresOf(id), split?.guests)).length === 3);
    assert.deepEqual(coresOf(process.pid), split?.main);
    const before = new Set(readdirSync("/proc/self/task"));
    const fresh = () => readdirSync("/proc/self/task").filter((id) => !before.has(id));
    sandbox.allow({ slots: 2, idleClass: false });
    await until(() => fresh().filter((id) => isSame(coresOf(id), split?.all)).length >= 3);
    // Last of all: a thread in the idle class may hold up other programs on its cores.
    await until(() => isSame(coresOf(process.pid), split?.all));
    sandbox.allow({ slots: 2, idleClass: true });
  } finally {
    await sandbox.stop();
  }
  assert.deepEqual(coresOf(process.pid), split?.all);
});

test("a change of mind while the threads change leaves all of them as it was said last", {
  skip,
  timeout: 60_000,
}, async () => {
  const { sandbox } = await startSandbox({ workers: 2 });
  try {
    for (const idleClass of [true, false, true, false, true]) {
      sandbox.allow({ slots: 2, idleClass });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await until(() => idleThreads().length === 3);
    for (const idleClass of [false, true, false]) sandbox.allow({ slots: 2, idleClass });
    await until(() => idleThreads().length === 0);
  } finally {
    await sandbox.stop();
  }
});

test("without chrt a thread has the lowest niceness, and none that has ended is touched", { skip }, async () => {
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  try {
    await once(child, "spawn");
    const { pid: kernelId } = child;
    const idle = new IdleClass("no-such-command");
    assert.equal(idle.lower({ kernelId, isDead: true }), false);
    assert.equal(idle.lower({ kernelId: undefined, isDead: false }), false);
    assert.equal(classOf(`/proc/${kernelId}`).nice, 0);
    assert.equal(idle.lower({ kernelId, isDead: false }), true);
    await idle.end();
    assert.deepEqual(classOf(`/proc/${kernelId}`), { policy: 0, nice: 19 });
  } finally {
    child.kill();
  }
});

test("without privileges the threads come back all the same", {
  skip:
    skip || (process.getuid?.() !== 0 && "only root can become somebody else: the other tests ran without privileges"),
  timeout: 60_000,
}, async () => {
  const script = `
    import { readdirSync, readFileSync } from "node:fs";
    import { Sandbox } from ${JSON.stringify(new URL("../../../runtime/sandbox/sandbox.js", import.meta.url).href)};
    import { defaultLimits as limits } from ${moduleUrl("limits")};
    import { systemClock as clock } from ${moduleUrl("clock")};
    const sandbox = new Sandbox({ workers: 2, limits, clock, nodeName: "n" });
    const idle = () => readdirSync("/proc/self/task").filter((id) => {
      try {
        return readFileSync("/proc/self/task/" + id + "/stat", "utf8").split(") ").at(-1).split(" ")[38] === "5";
      } catch {
        return false;
      }
    });
    const until = async (count) => {
      while (idle().length !== count) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await sandbox.start();
    sandbox.allow({ slots: 2, idleClass: true });
    await until(3);
    sandbox.allow({ slots: 2, idleClass: false });
    await until(0);
    await sandbox.stop();
    const isHandle = (kind) => !kind.includes("Wrap") && !kind.includes("TTY");
    console.log(process.getuid(), process.getActiveResourcesInfo().filter(isHandle).join());
  `;
  const nobody = { uid: 65_534, gid: 65_534 };
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], {
    timeout: 50_000,
    ...nobody,
  });
  assert.equal(stdout.trim(), String(nobody.uid));
});
