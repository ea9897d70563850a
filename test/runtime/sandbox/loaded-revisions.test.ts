// The cache of a thread's revisions: bounded by memory, and of use where calls go round more than fit.
import assert from "node:assert/strict";
import { test } from "node:test";
import { LoadedRevisions } from "../../../runtime/sandbox/pool/loaded-revisions.js";
import type { PreparedRevision } from "../../../runtime/sandbox/prepared-revision.js";

const mebibyte = 2 ** 20;

function needed(revision: string, memoryBytes: number): { prepared: PreparedRevision } {
  return { prepared: { revision, memoryBytes, interfaceBytes: 100 } as PreparedRevision };
}

/** Numbers from 0 below 1, the same ones in each run (a linear congruential generator). */
function drawn(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test("a thousand small apps stay loaded, and are loaded once", () => {
  const loaded = new LoadedRevisions(1);
  for (let round = 0; round < 3; round++) {
    for (let app = 0; app < 1_000; app++) {
      const plan = loaded.plan([needed(`r${app}`, 65_536)]);
      assert.deepEqual([plan?.load.length, plan?.drop], round === 0 ? [1, []] : [undefined, undefined]);
    }
  }
  assert.equal(loaded.size, 1_000);
});

test("a rotation over a tenth more than fits misses less than every third time", () => {
  const loaded = new LoadedRevisions(1, drawn());
  const fit = 128;
  let missed = 0;
  const rounds = 50;
  for (let round = 0; round < rounds; round++) {
    for (let app = 0; app < fit * 1.1; app++) if (loaded.plan([needed(`r${app}`, mebibyte)])) missed++;
  }
  assert.ok(loaded.size <= fit, `${loaded.size} loaded`);
  assert.ok(missed < (rounds * fit * 1.1) / 3, `${missed} missed`);
});

test("all threads together have no more instances than the process has addresses for", () => {
  const threads = 8;
  const loaded = new LoadedRevisions(threads, drawn());
  for (let app = 0; app < 2_000; app++) loaded.plan([needed(`r${app}`, 0)]);
  assert.equal(loaded.size, 8_192 / threads);
});

test("what a batch needs is not dropped for it, and ids are never used again", () => {
  const loaded = new LoadedRevisions(1, () => 0);
  const large = 100 * mebibyte;
  const first = loaded.plan([needed("a", large), needed("b", large)]);
  assert.deepEqual(first, {
    load: [
      { id: 0, ...needed("a", large) },
      { id: 1, ...needed("b", large) },
    ],
    drop: [],
  });
  const second = loaded.plan([needed("b", large), needed("c", large)]);
  assert.deepEqual([second?.load.map(({ id }) => id), second?.drop], [[2], [0]]);
  assert.equal(loaded.forget("b"), 1);
  assert.equal(loaded.forget("b"), undefined);
  assert.deepEqual(
    loaded.plan([needed("b", large)])?.load.map(({ id }) => id),
    [3],
  );
  assert.deepEqual([loaded.idOf("b"), loaded.idOf("a")], [3, undefined]);
});
