// Hostile peers: forged calls, results, log lines and reports, each refused or bounded.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HerdError } from "../../src/core/errors.js";
import type { Sent } from "../harness/virtual/fake-links.js";
import { fakeMesh, pick } from "../harness/virtual/forward-node.js";

test("a malformed result, or a failure that no function has, counts as none: the call runs elsewhere", async () => {
  const answers = [null, [], "42", [0, [], 42, 0, 0], [3, [], null, null, null], [1, [], "auth.invalid", "x", null]];
  for (const answer of answers) {
    const { world, nodes } = await fakeMesh(2);
    const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
    b.links.replace("call", () => answer);
    const outcomes = await world.settle(Promise.all([a.call("1"), a.call("2")]));
    assert.deepEqual(
      outcomes.map(({ json, hop }) => [json, hop]),
      [
        ["1", undefined],
        ["2", undefined],
      ],
    );
    assert.match(a.metrics.text(), /herd_forwarded_total\{outcome="broken"\} 1/);
    assert.equal(a.warnings.length, 1);
  }
});

test("frames with another hop than one, and frames that are no calls, run nothing and are logged", async () => {
  const sent: Sent[] = [];
  const { world, nodes } = await fakeMesh(2, { wire: (frame) => sent.push(frame) });
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  const good = [1, "app", "0123456789ab", "echo", "json", "1", "a-1", 1_000, null];
  const link = a.links.get("b");
  const ask = async (body: unknown) => {
    const asked = link?.request("call", body, { timeoutMs: 5_000 }).then(
      (answer) => (answer as unknown[])[0],
      (error: unknown) => (error instanceof HerdError ? error.code : error),
    );
    return world.settle(asked ?? Promise.reject(new Error("no link")));
  };
  const forged: unknown[] = [0, 2, -1, "1", 1.5, Number.NaN, true, null, [1], {}].map((hop) => [hop, ...good.slice(1)]);
  const other: [number, unknown][] = [
    [1, "a".repeat(64)],
    [2, "0123456789aB"],
    [3, 7],
    [4, "xml"],
    [5, 12],
    [6, "A-1"],
    [6, "a".repeat(41)],
    [7, -1],
    [7, Number.NaN],
    [7, Number.POSITIVE_INFINITY],
    [8, "long"],
  ];
  for (const [index, value] of other) forged.push(good.with(index, value as string));
  forged.push(null, [], "call", {}, good.slice(1), [...good, 1], 1n);
  for (const body of forged) assert.equal(await ask(body), "request.malformed");
  assert.equal(b.runner.ran.length, 0);
  assert.match(b.metrics.text(), new RegExp(`herd_peer_calls_malformed_total ${forged.length}`));
  assert.equal(b.warnings.length, 1, "logged at a bounded rate");
  assert.match(b.warnings[0] ?? "", /hop 0/);
  assert.equal(await ask(good), 0);
  assert.ok(!sent.some(({ from, kind }) => from === "b" && kind === "call"), "a receiver never forwards");
});

test("log lines of a forwarded call reach its first node, and a peer can add lines to no other call", async () => {
  const { world, nodes } = await fakeMesh(3, { limits: { logLines: 2, logLineBytes: 10 } });
  const [a, b, c] = [pick(nodes, 0), pick(nodes, 1), pick(nodes, 2)];
  for (const { runner } of nodes) runner.runMs = 200;
  c.load.setDraining(true);
  await world.advance(50);
  const all = [a.call("1", { id: "a-1" }), a.call("2", { id: "a-2" })];
  await world.advance(20);
  for (const message of ["one", "two two two two", "3 more", "forged"]) b.runner.logs[0]?.line("info", message);
  c.links.get("a")?.notify("log", ["a-2", "info", "from a stranger"]);
  b.links.get("a")?.notify("log", ["a-1", "info", "of another call"]);
  b.links.get("a")?.notify("log", ["a-2", "loud", "no level"]);
  await world.advance(20);
  assert.deepEqual(
    a.lines.map(({ message }) => message),
    ["one", "two two tw", "3 more"],
  );
  assert.deepEqual(a.lines[0], {
    nodeId: "b",
    app: "app",
    revision: "0123456789ab",
    function: "echo",
    invocation: "a-2",
    level: "info",
    message: "one",
  });
  await world.settle(Promise.all(all));
  b.links.get("a")?.notify("log", ["a-2", "info", "too late"]);
  await world.advance(20);
  assert.equal(a.lines.length, 3);
  assert.equal(b.lines.length, 0, "none stays where the call ran");
});

test("log lines of a call whose first node is gone stay where it runs, under that node's own id for it", async () => {
  const { world, nodes } = await fakeMesh(2);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  for (const { runner } of nodes) runner.runMs = 200;
  const all = [a.call("1", { id: "a-1" }), a.call("2", { id: "a-2" })];
  await world.advance(20);
  assert.equal(b.runner.logs.length, 1);
  a.links.get("b")?.break();
  await world.advance(20);
  b.runner.logs[0]?.line("warn", "nobody asked");
  const { invocation, ...line } = b.lines[0] ?? assert.fail("it was dropped");
  assert.deepEqual(line, {
    nodeId: "b",
    app: "app",
    revision: "0123456789ab",
    function: "echo",
    level: "warn",
    message: "nobody asked",
  });
  assert.notEqual(invocation, "a-2", "a peer can name no call of this node");
  await world.settle(Promise.allSettled(all));
});

test("malformed reports and revisions change nothing", async () => {
  const { world, nodes } = await fakeMesh(2);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  const link = b.links.get("a");
  const good = [1e6, 3, 2, 1, true, 1, 0, 0, 0, null];
  const odd: [number, unknown][] = [
    [0, 0],
    [0, -1],
    [0, 0.5],
    [0, "1"],
    [1, -1],
    [1, 1_025],
    [2, -1],
    [3, null],
    [4, 1],
  ];
  odd.push([5, "1"], [5, -1], [6, 0.5], [7, null], [7, Number.NaN], [8, 99], [8, "none"], [8, -1], [9, -1], [9, "1"]);
  const wrong = [
    null,
    1,
    [],
    [1, 2],
    good.slice(1),
    [...good, 1],
    ...odd.map(([at, value]) => good.with(at, value as number)),
  ];
  for (const body of wrong) link?.notify("status", body);
  for (const body of [null, [true], [true, "x", []], [1, [], []], [false, [], null]]) link?.notify("revisions", body);
  link?.notify("revisions", [false, ["no", 7, null, "bbbbbbbbbbbb"], ["no", 7]]);
  await world.advance(10);
  const peer = a.statuses.get("b");
  assert.deepEqual([peer?.slots, peer?.running, peer?.draining, peer?.usable], [1, 0, false, true]);
  assert.deepEqual([...(peer?.revisions ?? [])], ["0123456789ab", "bbbbbbbbbbbb"]);
  link?.notify("revisions", [
    true,
    Array.from({ length: 20_000 }, (_, index) => index.toString(16).padStart(12, "0")),
    [],
  ]);
  await world.advance(10);
  assert.equal(peer?.revisions.size, 10_000);
});

test("a peer's reported run time counts for no more than the whole call took", async () => {
  const { world, nodes } = await fakeMesh(2);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  b.links.replace("call", () => [0, [], "1", 1e9, 1e9, 1e9]);
  const { queueMs, runMs } = await world.settle(a.call("1", { node: "b" }));
  assert.ok(queueMs + runMs < 100, `${queueMs} ms and ${runMs} ms`);
  const { units = 0 } = a.forwarding.workModel.works.of("0123456789ab", "echo");
  assert.ok(units < 100, `${units} units`);
});

test("calls without a result count as load of a peer that claims to be the fastest, and idle", async () => {
  const { world, nodes } = await fakeMesh(3);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  a.owner.allow({ slots: 0 });
  b.capacity.set(1e6);
  b.links.replace("call", () => new Promise(() => undefined));
  await world.advance(20);
  const calls = Array.from({ length: 20 }, (_, index) => a.call(`${index}`).catch(() => undefined));
  b.links.get("a")?.notify("status", [1e6, 1, 0, 0, false, 0, Number.MAX_SAFE_INTEGER, 0, 0, null]);
  await world.advance(20);
  const peer = a.statuses.get("b");
  assert.ok(peer, "no peer");
  assert.ok(peer.speed.rate <= 256, `${peer.speed.rate} units a millisecond`);
  let sent = 20;
  for (let more = 0; more < 20; more++) calls.push(a.call(`${sent++}`).catch(() => undefined));
  await world.advance(20);
  assert.ok(peer.inFlight > 0, "it said that it saw them all and has none");
  await world.settle(Promise.all(calls));
  assert.equal(peer.ejected, true, "after their deadlines");
});

test("a peer that refuses while it reports an idle worker is ejected", async () => {
  const { world, nodes } = await fakeMesh(2);
  const [a, b] = [pick(nodes, 0), pick(nodes, 1)];
  a.owner.allow({ slots: 0 });
  b.links.replace("call", () => [2, b.statuses.report("a"), 0, null, null]);
  for (let call = 0; call < 5; call++) assert.equal((await world.settle(a.call("1"))).hop, undefined);
  assert.equal(a.statuses.get("b")?.ejected, true);
});
