// What a peer or a client can cause again and again does not fill the log: a line at each change, then at growing
// intervals.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createLogger } from "../../src/core/log.js";
import { LogRing } from "../../src/core/log-ring.js";
import type { Refusal } from "../../src/mesh/ports.js";
import { MeshReadiness } from "../../src/trust/mesh-readiness.js";
import { ManualClock } from "../core/manual-clock.js";
import { silent } from "../pki/audit/silent-log.js";

const second = 1_000;
const day = 86_400 * second;

function logOf() {
  const lines: Record<string, unknown>[] = [];
  const clock = new ManualClock();
  const stream = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  return { log: createLogger({ node: "n", clock, ring: new LogRing(), stream }), lines, clock };
}

function standingOf(log = silent, clock = new ManualClock()) {
  const around = { links: 0, shutOut: false, revoked: false, begins: -4 * day, ends: -3 * day };
  const standing = new MeshReadiness({
    ...{ state: "/state", clock, log, nameOf: (id) => `name-of-${id}` },
    isRevoked: () => around.revoked,
    certificate: () => ({ notBefore: clock.now() + around.begins, notAfter: clock.now() + around.ends }),
    isLockedOut: () => around.shutOut,
    links: () => around.links,
    isKept: ({ started }) => started < 1_000,
  });
  return { standing, around, clock };
}

const refusal = (more: Partial<Refusal> = {}): Refusal => ({
  ...{ by: "this node", node: "a", address: "10.0.0.1:5000", skewMs: undefined, reason: "node a was revoked" },
  ...more,
});

test("a peer that is refused every second for a day is a few lines, with its name, its address and how many were left out", () => {
  const { log, lines, clock } = logOf();
  const { standing } = standingOf(log, clock);
  for (let passed = 0; passed < 86_400; passed++) {
    // A port of its own each time, and a reason in which the time goes on.
    const reason = `its certificate ended ${passed} seconds ago by the clock here (${new Date(clock.now()).toISOString()}, X)`;
    standing.refused(refusal({ address: `10.0.0.1:${5_000 + (passed % 50_000)}`, reason }));
    clock.advance(second);
  }
  assert.ok(lines.length >= 10 && lines.length <= 40, `${lines.length} lines`);
  const [first, second_] = lines;
  assert.equal(first?.peer, "name-of-a");
  assert.match(String(first?.address), /^10\.0\.0\.1:/);
  assert.equal(first?.suppressed, undefined);
  assert.equal(second_?.suppressed, 29);
  assert.ok(!lines.some((line) => "repeat" in line));
});

test("another reason, another peer and the other direction are lines of their own, at once", () => {
  const { log, lines, clock } = logOf();
  const { standing } = standingOf(log, clock);
  for (let times = 0; times < 5; times++) {
    standing.refused(refusal());
    standing.refused(refusal({ reason: "its certificate ended 3 days ago" }));
    standing.refused(refusal({ node: "b" }));
    standing.refused(refusal({ by: "the peer" }));
  }
  assert.equal(lines.length, 4);
  clock.advance(31 * second);
  standing.refused(refusal());
  assert.equal(lines.length, 5, "after a pause it is a change again");
});

test("strangers who are another one each time share a budget, and what was left out is counted", () => {
  const { log, lines, clock } = logOf();
  const { standing } = standingOf(log, clock);
  for (let stranger = 0; stranger < 100_000; stranger++) {
    standing.refused(refusal({ node: undefined, address: `[2001:db8::${stranger.toString(16)}]:1` }));
    if (stranger % 1_000 === 0) clock.advance(second);
  }
  assert.ok(lines.length <= 64 + 100 / 5 + 1, `${lines.length} lines`);
  const told = lines.reduce((sum, { suppressed = 0 }) => sum + Number(suppressed) + 1, 0);
  assert.ok(told > 90_000, `${told} of 100,000 are told of`);
});

test("a clock that is wrong is called that, with the side and by how much", () => {
  const { log, lines, clock } = logOf();
  const { standing } = standingOf(log, clock);
  standing.refused(refusal({ by: "the peer", reason: "your certificate has ended", skewMs: -47 * 3_600 * second }));
  assert.match(String(lines[0]?.reason), /the clock of this machine is 47 hours ahead of that of name-of-a/);
  standing.clockSkew({ nodeId: "c" }, 180 * second);
  assert.match(String(lines[1]?.reason), /the clock of this machine is 3 minutes behind that of name-of-c/);
  standing.clockSkew({ nodeId: "d" }, 2 * second);
  assert.equal(lines.length, 2);
});

test("a node that no peer takes gives its reasons, and none once it has links again", () => {
  const { standing, around, clock } = standingOf();
  assert.deepEqual(standing.reasons(), []);
  standing.refused(refusal({ by: "the peer", reason: "node a was revoked" }));
  assert.match(
    standing.reasons()[0]?.reason ?? "",
    /no peer takes this node.*name-of-a \(10\.0\.0\.1:5000\): node a was revoked/,
  );
  around.links = 1;
  assert.deepEqual(standing.reasons(), []);
  around.links = 0;
  clock.advance(61 * second);
  assert.deepEqual(standing.reasons(), [], "nobody refused it lately");
  around.shutOut = true;
  standing.asked(new Error("the mesh lets nodes return for 90 days"));
  const [locked] = standing.reasons();
  assert.equal(locked?.code, "node.unavailable");
  assert.match(locked?.reason ?? "", /locked out.*ended 3 days ago.*for 90 days.*--join URL --token TOKEN/);
  Object.assign(around, { begins: 2_000 * day, ends: 2_001 * day });
  assert.match(
    standing.reasons()[0]?.reason ?? "",
    /begins only in 2000 days by the clock of this machine.*must be behind/,
  );
  around.revoked = true;
  assert.equal(standing.reasons()[0]?.code, "node.revoked");
});
