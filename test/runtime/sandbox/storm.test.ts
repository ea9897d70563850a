// An owner whose allowance changes all the time: whatever is allowed, preempted, forgotten or stopped meanwhile, each
// call ends once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { HerdError } from "../../../src/core/errors.js";
import { seeded } from "../../harness/virtual/virtual-time.js";
import { compileGuests, Guest, startSandbox } from "./guests.js";

const { spin } = await compileGuests("spin");

/** What a call may come to here, beside its result. */
const ends = ["answered", "node.overloaded", "node.paused", "node.draining", "function.deadline"];

for (const idleClasses of [false, true]) {
  const changes = idleClasses ? "in and out of the idle class" : "with more and fewer slots";
  test(`no call is lost, answered twice or left behind, ${changes}`, async (t) => {
    const { sandbox } = await startSandbox({ workers: 2, limit: { deadlineMs: 3_000, queueLength: 64 } });
    const guest = new Guest(sandbox, await sandbox.prepare(spin, "spin"));
    const random = seeded(idleClasses ? 2 : 1);
    const came = new Map<string, number>();
    const calls: Promise<void>[] = [];
    const preemptions: Promise<void>[] = [];
    const call = (): void => {
      const deadline = Date.now() + 500 + random() * 2_500;
      const kinds = [
        ["add", [1, 2]],
        ["spinFor", [random() * 30]],
        ["forever", {}],
      ] as const;
      const [name, args] = kinds[random() < 0.02 ? 2 : random() < 0.5 ? 1 : 0] ?? ["add", [1, 2]];
      const count = (end: string): void => void came.set(end, (came.get(end) ?? 0) + 1);
      const counted = guest.call(name, args, { deadline }).then(
        () => count("answered"),
        (error: unknown) => count(error instanceof HerdError ? error.code : String(error)),
      );
      calls.push(counted);
    };
    for (let step = 0; step < 120; step++) {
      for (let more = random() * 4; more >= 1; more--) call();
      const dice = random();
      const idleClass = idleClasses && random() < 0.3;
      if (dice < 0.3) sandbox.allow({ slots: Math.floor(random() * 3), idleClass });
      else if (dice < 0.34) preemptions.push(sandbox.preempt(random() * 40));
      else if (dice < 0.38) sandbox.forget("spin");
      if (random() < 0.5) await sleep(random() * 30);
      else await Promise.resolve();
    }
    preemptions.push(sandbox.preempt());
    if (random() < 0.5) sandbox.allow({ slots: 2, idleClass: false });
    await sandbox.stop();
    await Promise.all([...calls, ...preemptions]);
    assert.deepEqual(sandbox.stats().running + sandbox.stats().queued, 0);
    t.diagnostic(JSON.stringify(Object.fromEntries(came)));
    for (const end of came.keys()) assert.ok(ends.includes(end), end);
    assert.equal(
      [...came.values()].reduce((sum, count) => sum + count, 0),
      calls.length,
    );
  });
}
