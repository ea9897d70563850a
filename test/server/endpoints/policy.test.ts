// GET and PUT /v1/policy: who may, what is shown, what is taken, and what is refused by name.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { changePolicy, type Policy, showPolicy } from "../../../src/api/policy.js";
import { patchOf } from "../../../src/cli/policy.js";
import { defaultOwnerPolicy } from "../../../src/core/owner-policy.js";
import { UsageError } from "../../../src/core/usage-error.js";
import { type Answer, TestNode } from "../../harness/tls/test-node.js";

let node: TestNode;

before(async () => {
  node = await TestNode.start();
});

after(() => node.stop());

function put(body: unknown, token?: string): Promise<Answer> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return node.ask("/v1/policy", { method: "PUT", body: text, ...(token === undefined ? {} : { token }) });
}

async function shown(): Promise<Policy> {
  return (await node.call(showPolicy)).json;
}

test("the policy shows its settings, what they allow now, and what was seen", async () => {
  assert.deepEqual(await shown(), {
    node: "test",
    settings: defaultOwnerPolicy,
    state: "active",
    slots: 2,
    idleClass: true,
    lightUnits: 50,
    pausedUntil: null,
    signals: {
      onBattery: null,
      celsius: null,
      ownerActive: null,
      ownerIdleMs: null,
      headless: null,
      foreignCpu: null,
      rssBytes: null,
      totalBytes: null,
    },
  });
});

test("a patch changes what it names at once; null takes it back", async () => {
  const set = await put({ activeShare: 0.5, hours: "18:00-08:00", owner: "none" });
  assert.equal(set.status, 200);
  const { settings } = set.of(changePolicy);
  assert.deepEqual(settings, { ...defaultOwnerPolicy, activeShare: 0.5, hours: "18:00-08:00", owner: "none" });
  assert.deepEqual((await put({})).json(), await shown());
  await put({ activeShare: null, hours: null, owner: null });
  assert.deepEqual((await shown()).settings, defaultOwnerPolicy);
});

test("a pause is until a time, forever, or over", async () => {
  const until = new Date(Date.now() + 3_600_000).toISOString();
  const paused = (await put({ pausedUntil: until })).of(changePolicy);
  assert.deepEqual([paused.state, paused.slots, paused.pausedUntil], ["paused", 0, until]);
  // What else is set leaves it alone.
  assert.equal((await put({ maxCelsius: 90 })).of(changePolicy).pausedUntil, until);
  assert.equal((await put({ pausedUntil: "forever" })).of(changePolicy).pausedUntil, "forever");
  const over = (await put({ pausedUntil: null, maxCelsius: null })).of(changePolicy);
  assert.deepEqual([over.state, over.slots, over.pausedUntil], ["active", 2, null]);
  const past = (await put({ pausedUntil: "2020-01-01T01:00:00+01:00" })).of(changePolicy);
  assert.deepEqual([past.state, past.pausedUntil], ["active", null]);
});

test("what is unknown or wrong is refused by name, and nothing of that body is taken", async () => {
  for (const [body, detail] of [
    [{ laptop: true, maxCelsius: 60 }, /unknown field "laptop"/],
    [{ activeShare: 2, lightUnits: "many" }, /activeShare: a number from 0 to 1.*; lightUnits: a number from/],
    [{ idleAfterMs: 0.5 }, /idleAfterMs: a whole number/],
    [{ hours: "8-18" }, /hours: hours like 18:00-08:00/],
    [{ owner: "me" }, /owner: one of auto, none/],
    [{ pausedUntil: "tomorrow" }, /pausedUntil: a time like .*, "forever" or null/],
    [{ pausedUntil: 5 }, /pausedUntil: a time like/],
    [[], /an object of settings/],
    ["", /an object of settings/],
    ["{", /not JSON/],
    ['{"__proto__": {"owner": "none"}}', /unknown field "__proto__"/],
    ['{"constructor": {"prototype": {}}}', /unknown field "constructor"/],
    ['{"activeShare": 1e999, "lightUnits": -0.0}', /activeShare: a number from 0 to 1.*; lightUnits: a number from/],
    ['{"pausedUntil": "+275760-09-13T00:00:00Z"}', /pausedUntil: a time like/],
    [`{"x${"x".repeat(2_000)}": 1}`, /unknown field "x{80}"/],
  ] as const) {
    const answer = await put(body);
    assert.equal(answer.status, 400, JSON.stringify(body));
    const problem = answer.problem();
    assert.equal(problem.code, "request.malformed");
    assert.match(problem.detail ?? "", detail);
  }
  assert.deepEqual((await shown()).settings, defaultOwnerPolicy);
});

test("only an admin sees or sets it", async () => {
  const { token } = await node.tokens.issue({ role: "deploy", ttlSeconds: 600 });
  assert.equal((await node.ask("/v1/policy", { token })).status, 403);
  assert.equal((await put({ maxCelsius: 60 }, token)).status, 403);
  assert.equal((await node.ask("/v1/policy", { token: null })).status, 401);
});

test("--set writes settings as people do", () => {
  assert.deepEqual(patchOf(["activeShare=0.5", "hours=18:00-08:00", "owner=none", "maxCelsius=null", "lightUnits=5"]), {
    activeShare: 0.5,
    hours: "18:00-08:00",
    owner: "none",
    maxCelsius: null,
    lightUnits: 5,
  });
  assert.equal(patchOf([]), undefined);
  for (const wrong of ["activeShare", "=5"]) assert.throws(() => patchOf([wrong]), UsageError);
});
