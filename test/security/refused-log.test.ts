// What a peer or a client can cause again and again does not fill the log: a line at each change, then at growing
// intervals.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createLogger } from "../../src/core/log.js";
import { LogRing } from "../../src/core/log-ring.js";
import type { Refusal } from "../../src/mesh/ports.js";
import { PeerAcceptance } from "../../src/trust/peer-acceptance.js";
import { ManualClock } from "../harness/virtual/manual-clock.js";
import { silent } from "../pki/audit/silent-log.js";

const second = 1_000;
const day = 86_400 * second;

function logOf() {
  const lines: Record<string, unknown>[] = [];
  const clock = new ManualClock();
  const stream = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  return { log: createLogger({ node: "n", clock, ring: new LogRing(), stream }), lines, clock };
}

/** An acceptance whose links, revocation and peer leaf (its life from now, ms) a test sets. */
function acceptanceOf(log = silent, clock = new ManualClock()) {
  const node = { links: 0, revoked: false, begins: -day, ends: day };
  const leaf = () => ({ notBefore: clock.now() + node.begins, notAfter: clock.now() + node.ends });
  const acceptance = new PeerAcceptance({
    state: "/state",
    identity: { nodeId: "self", isMaster: false, peerLeaf: () => ({ certificate: "", key: "", ...leaf() }) },
    registry: { isRevoked: () => node.revoked, lostMaster: false, issuerRevoked: () => false },
    own: { instance: "own", started: clock.now(), address: "10.0.0.9:8444" },
    clock,
    log,
    nameOf: (id) => `name-of-${id}`,
    links: () => node.links,
  });
  return { acceptance, node, clock };
}

const refusal = (more: Partial<Refusal> = {}): Refusal => ({
  by: "this node",
  node: "a",
  address: "10.0.0.1:5000",
  skewMs: undefined,
  reason: "node a was revoked",
  ...more,
});

test("a peer refused every second for a day makes few lines: its name, its address, the number left out", () => {
  const { log, lines, clock } = logOf();
  const { acceptance } = acceptanceOf(log, clock);
  for (let passed = 0; passed < 86_400; passed++) {
    // A port of its own each time, and a reason in which the time goes on.
    const now = new Date(clock.now()).toISOString();
    const reason = `its certificate ended ${passed} seconds ago by the clock here (${now}, X)`;
    acceptance.refused(refusal({ address: `10.0.0.1:${5_000 + (passed % 50_000)}`, reason }));
    clock.advance(second);
  }
  assert.ok(lines.length >= 10 && lines.length <= 40, `${lines.length} lines`);
  const [first, second_] = lines;
  assert.equal(first?.peer, "name-of-a");
  assert.match(String(first?.address), /^10\.0\.0\.1:/);
  assert.equal(first?.suppressed, undefined);
  assert.equal(second_?.suppressed, 29);
  assert.ok(!lines.some((line) => "repeat" in line), JSON.stringify(lines));
});

test("another reason, another peer and the other direction are lines of their own, at once", () => {
  const { log, lines, clock } = logOf();
  const { acceptance } = acceptanceOf(log, clock);
  for (let times = 0; times < 5; times++) {
    acceptance.refused(refusal());
    acceptance.refused(refusal({ reason: "its certificate ended 3 days ago" }));
    acceptance.refused(refusal({ node: "b" }));
    acceptance.refused(refusal({ by: "the peer" }));
  }
  assert.equal(lines.length, 4);
  clock.advance(31 * second);
  acceptance.refused(refusal());
  assert.equal(lines.length, 5, "after a pause it is a change again");
});

test("strangers who are another one each time share a budget, and what was left out is counted", () => {
  const { log, lines, clock } = logOf();
  const { acceptance } = acceptanceOf(log, clock);
  for (let stranger = 0; stranger < 100_000; stranger++) {
    acceptance.refused(refusal({ node: undefined, address: `[2001:db8::${stranger.toString(16)}]:1` }));
    if (stranger % 1_000 === 0) clock.advance(second);
  }
  assert.ok(lines.length <= 64 + 100 / 5 + 1, `${lines.length} lines`);
  const told = lines.reduce((sum, { suppressed = 0 }) => sum + Number(suppressed) + 1, 0);
  assert.ok(told > 90_000, `${told} of 100,000 are told of`);
});

test("a clock that is wrong is called that, with the side and by how much", () => {
  const { log, lines, clock } = logOf();
  const { acceptance } = acceptanceOf(log, clock);
  acceptance.refused(refusal({ by: "the peer", reason: "your certificate has ended", skewMs: -47 * 3_600 * second }));
  assert.match(String(lines[0]?.reason), /the clock of this machine is 47 hours ahead of that of name-of-a/);
  acceptance.clockSkew({ nodeId: "c" }, 180 * second);
  assert.match(String(lines[1]?.reason), /the clock of this machine is 3 minutes behind that of name-of-c/);
  acceptance.clockSkew({ nodeId: "d" }, 2 * second);
  assert.equal(lines.length, 2);
});

test("a node that no peer takes gives its reasons, and none once it has links again", () => {
  const { acceptance, node, clock } = acceptanceOf();
  assert.deepEqual(acceptance.reasons(), []);
  acceptance.refused(refusal({ by: "the peer", reason: "node a was revoked" }));
  assert.match(
    acceptance.reasons()[0]?.reason ?? "",
    /no peer takes this node.*name-of-a \(10\.0\.0\.1:5000\): node a was revoked/,
  );
  node.links = 1;
  assert.deepEqual(acceptance.reasons(), []);
  node.links = 0;
  clock.advance(61 * second);
  assert.deepEqual(acceptance.reasons(), [], "nobody refused it lately");
  Object.assign(node, { begins: -4 * day, ends: -3 * day });
  acceptance.renewalRequested(new Error("the mesh lets nodes return for 90 days"));
  const [locked] = acceptance.reasons();
  assert.equal(locked?.code, "node.unavailable");
  assert.match(locked?.reason ?? "", /locked out.*ended 3 days ago.*for 90 days.*--join URL --token TOKEN/);
  Object.assign(node, { begins: 2_000 * day, ends: 2_001 * day });
  assert.match(
    acceptance.reasons()[0]?.reason ?? "",
    /begins only in 2000 days by the clock of this machine.*must be behind/,
  );
  node.revoked = true;
  assert.equal(acceptance.reasons()[0]?.code, "node.revoked");
});
