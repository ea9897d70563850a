// Which revision runs a call: atomic switches, and revisions that no app uses any more.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AppRouter } from "../../src/invoke/app-router.js";
import { deadlineOf } from "../../src/invoke/invoker.js";

function prepared(revision: string) {
  const functions = [{ name: "f", wit: "f", parameters: [], result: null }];
  return { revision, interface: { version: 1 as const, functions, records: [], enums: [] } };
}

test("a call that holds the old app keeps its revision after the switch", () => {
  const router = new AppRouter();
  router.activate("a", prepared("1"), { public: false });
  const held = router.find("a");
  router.activate("a", prepared("2"), { public: true });
  assert.equal(held?.prepared.revision, "1");
  assert.equal(router.find("a")?.prepared.revision, "2");
  assert.ok(router.find("a")?.functions.has("f"), "no function f");
});

test("a revision retires when no app uses it", () => {
  const retired: string[] = [];
  const router = new AppRouter((revision) => retired.push(revision));
  router.activate("a", prepared("1"), { public: false });
  router.activate("b", prepared("1"), { public: false });
  router.activate("a", prepared("2"), { public: false });
  assert.deepEqual(retired, []);
  router.remove("b");
  assert.deepEqual(retired, ["1"]);
  router.activate("a", prepared("2"), { public: true });
  assert.deepEqual(retired, ["1"], "the same revision again is still in use");
  assert.equal(router.size, 1);
});

test("a deadline is the node's limit, or the caller's if that is sooner", () => {
  const limits = { deadlineMs: 1_000, clock: { now: () => 5_000, monotonic: () => 0 } };
  assert.equal(deadlineOf(undefined, limits), 6_000);
  assert.equal(deadlineOf("10", limits), 5_010);
  assert.equal(deadlineOf("99999", limits), 6_000);
  for (const header of ["0", "-5", "1e3", " 1", "", "9".repeat(40)]) {
    assert.throws(() => deadlineOf(header, limits), { code: "request.malformed" }, header);
  }
});
