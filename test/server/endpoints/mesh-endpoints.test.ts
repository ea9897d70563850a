// The mesh over HTTPS: nodes, their tree and states, revocation, drain, masters, audit and events.

import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { afterEach, beforeEach, test } from "node:test";
import { deployApp, showApp } from "../../../src/api/apps.js";
import { audit, auditHeads, auditProof, auditRecords } from "../../../src/api/audit.js";
import { showMesh } from "../../../src/api/mesh.js";
import { type ListedNode, listNodes, nodeList, nodeTree } from "../../../src/api/nodes.js";
import { narrowed } from "../../../src/api/route.js";
import type { Where } from "../../../src/server/http/place.js";
import type { Relay } from "../../../src/server/relay/relay-message.js";
import { type Answer, TestNode } from "../../harness/tls/test-node.js";

let node: TestNode;
/** Where requests were sent that could not be answered here. */
let elsewhere: Where[];

const relay: Relay = {
  isHere: (where) =>
    typeof where === "string" || ("node" in where ? where.node === "0123" : !where.masterExcept.includes("0123")),
  request: async (where) => {
    elsewhere.push(where);
    return { status: 200, headers: { "content-type": "application/json" }, body: Buffer.from("{}") };
  },
};

beforeEach(async () => {
  elsewhere = [];
  node = await TestNode.start({ relay });
  const { mesh } = node;
  mesh.add({ id: "b1", name: "beta", master: true });
  mesh.add({ id: "c1", name: "gamma", parent: "b1", deploy: false });
  mesh.stats.set("b1", { slots: 2, running: 1, owner: "active", capacity, weight: 1_234.567_89, errorRate: 0.25 });
});

afterEach(() => node.stop());

const kernels = { integer: 5_000, float: 4_000, memory: 4_000, allocation: 4_000, hashing: 4_000, matrix: 3_200 };
const capacity = { overall: 4_000, kernels, workers: 2 };

async function nodes(): Promise<readonly ListedNode[]> {
  return (await node.call(narrowed(listNodes, nodeList))).json;
}

function post(path: string, value: unknown = {}): Promise<Answer> {
  return node.ask(path, {
    method: "POST",
    body: JSON.stringify(value),
    headers: { "content-type": "application/json" },
  });
}

function codeOf(answer: Answer): string {
  return answer.problem().code;
}

test("nodes are listed with their marks, states and parents, this one first", async () => {
  node.mesh.states.set("c1", "suspect");
  const [self, beta, gamma] = await nodes();
  assert.deepEqual([self?.name, self?.state, self?.parent, self?.url], ["test", "alive", null, node.api.url]);
  assert.deepEqual([beta?.name, beta?.master, beta?.slots, beta?.parent], ["beta", true, 2, "test"]);
  assert.deepEqual([beta?.owner, beta?.capacity, self?.owner, self?.capacity], ["active", capacity, "none", null]);
  assert.deepEqual(gamma, {
    name: "gamma",
    id: "c1",
    state: "suspect",
    master: false,
    revoked: false,
    deploy: false,
    fingerprint: "c1".padEnd(64, "0"),
    parent: "beta",
    approvedBy: "token 1",
    at: "1970-01-01T00:00:00.000Z",
    url: "https://gamma:2",
    address: "gamma:1",
    twins: [],
    container: null,
    door: null,
  });
});

test("the tree of who let whom in", async () => {
  node.mesh.states.delete("c1");
  const { json: tree } = await node.call(narrowed(listNodes, nodeTree), { query: { tree: "true" } });
  assert.ok(tree, "no tree");
  assert.equal(tree.name, "test");
  assert.deepEqual([tree.children[0]?.children[0]?.name, tree.children[0]?.children[0]?.state], ["gamma", "dead"]);
});

test("the mesh's peers with what is known of them; a revoked one moves to revoked", async () => {
  const { json: mesh } = await node.call(showMesh);
  assert.equal(mesh.node, "test");
  assert.deepEqual(mesh.masters, ["test", "beta"]);
  assert.deepEqual(mesh.peers[0], {
    name: "beta",
    state: "alive",
    rttMs: 0.5,
    slots: 2,
    running: 1,
    queued: 0,
    capacity: 4_000,
    weight: 1_234.568,
    owner: "active",
    loopDelayMs: 0,
    pace: 1,
    errorRate: 0.25,
    ejected: false,
    forwarded: 0,
  });
  assert.deepEqual([mesh.peers[1]?.weight, mesh.peers[1]?.owner, mesh.peers[1]?.pace], [0, null, null]);
  const load = { slots: 1, running: 0, queued: 0 };
  assert.deepEqual(mesh.here, { ...load, capacity: null, weight: 1_000, owner: "none", loopDelayMs: 0, pace: 1 });
  assert.deepEqual([mesh.peers[1]?.name, mesh.peers[1]?.slots], ["gamma", null]);
  await post("/v1/nodes/gamma/revoke");
  const { json: after } = await node.call(showMesh);
  assert.deepEqual([after.peers.map(({ name }) => name), after.revoked], [["beta"], ["gamma"]]);
});

test("why a call went where it went, with names for the nodes; 404 for one that nobody remembers", async () => {
  const load = { slots: 1, running: 1, queued: 2, serviceMs: 1.000_04, expectedMs: 3, lightUnits: 50 };
  node.mesh.choices.set("abc-1", {
    invocation: "abc-1",
    at: 0,
    app: "demo",
    revision: "0123456789ab",
    function: "f",
    peers: 2,
    bias: 1.25,
    steps: [
      {
        way: "peer",
        here: { ...load, available: true },
        peer: { ...load, nodeId: "b1", rttMs: undefined, inFlight: 4 },
        taken: "refused",
        refusal: "heavy",
        units: 12.000_04,
        sample: {
          candidates: [{ nodeId: "b1", weight: 1.5, rate: 0.75, expectedMs: null, whyNot: "silent", lightUnits: null }],
          draws: ["b1"],
        },
      },
      {
        way: "none",
        here: { ...load, expectedMs: null, available: false },
        peer: undefined,
        taken: undefined,
        refusal: undefined,
        units: undefined,
        sample: undefined,
      },
    ],
  });
  const side = { ...load, serviceMs: 1 };
  assert.deepEqual((await node.ask("/v1/mesh/why/abc-1")).json(), {
    invocation: "abc-1",
    at: "1970-01-01T00:00:00.000Z",
    app: "demo",
    revision: "0123456789ab",
    function: "f",
    node: "test",
    peers: 2,
    bias: 1.25,
    steps: [
      {
        way: "peer",
        here: { ...side, available: true },
        peer: { name: "beta", ...side, inFlight: 4, rttMs: null, taken: "refused", refusal: "heavy" },
        units: 12,
        sampled: true,
        draws: ["beta"],
        candidates: [{ name: "beta", weight: 1_500, rate: 0.75, expectedMs: null, whyNot: "silent", lightUnits: null }],
      },
      {
        way: "none",
        here: { ...side, expectedMs: null, available: false },
        peer: null,
        units: null,
        sampled: false,
        candidates: [],
        draws: [],
      },
    ],
  });
  const unknown = await node.ask("/v1/mesh/why/abc-2");
  assert.deepEqual([unknown.status, codeOf(unknown)], [404, "call.unknown"]);
});

test("revoke takes a name or an id, and with subtree all that it let in", async () => {
  assert.deepEqual((await post("/v1/nodes/c1/revoke")).json(), { revoked: ["gamma"] });
  assert.deepEqual((await post("/v1/nodes/beta/revoke", { subtree: true })).json(), { revoked: ["beta", "gamma"] });
  assert.equal(codeOf(await post("/v1/nodes/ghost/revoke")), "node.unknown");
  assert.equal(codeOf(await post("/v1/nodes/beta/revoke", { subtree: "yes" })), "request.malformed");
  assert.equal(codeOf(await post("/v1/nodes/beta/revoke", { more: true })), "request.malformed");
});

test("a master does not revoke itself while another one stays", async () => {
  assert.equal((await post("/v1/nodes/test/revoke")).status, 200);
  assert.deepEqual(elsewhere, [{ masterExcept: ["0123"] }]);
  await post("/v1/nodes/test/revoke", { subtree: true });
  assert.equal(elsewhere.length, 1, "with its subtree no master would stay: this one answers why not");
});

test("recycle drains the node itself and has it end", async () => {
  assert.deepEqual((await post("/v1/nodes/test/recycle")).json(), { name: "test", id: "0123", state: "draining" });
  assert.equal(node.mesh.recycled, 1);
  await post("/v1/nodes/test/resume");
});

test("each node says whether a container stands around it, as far as it is known", async () => {
  const told = async (): Promise<unknown[]> => (await nodes()).map(({ name, container }) => [name, container]);
  node.mesh.contained.set("b1", true);
  node.mesh.wall.missing = [];
  assert.deepEqual(await told(), [
    ["test", true],
    ["beta", true],
    ["gamma", null],
  ]);
  node.mesh.wall.missing = ["capabilities"];
  assert.deepEqual((await told())[0], ["test", false]);
});

test("drain and resume act at the node itself, and readiness says so", async () => {
  assert.deepEqual((await post("/v1/nodes/test/drain")).json(), { name: "test", id: "0123", state: "draining" });
  assert.equal(codeOf(await node.ask("/readyz")), "node.draining");
  assert.equal((await nodes())[0]?.state, "draining");
  assert.equal((await post("/v1/nodes/0123/resume")).status, 200);
  assert.equal((await node.ask("/readyz")).status, 200);
  await post("/v1/nodes/beta/drain");
  assert.deepEqual(elsewhere, [{ node: "b1" }]);
  node.mesh.states.delete("c1");
  const away = await post("/v1/nodes/gamma/drain");
  assert.deepEqual(
    [codeOf(away), /gamma is not there: its state is dead/.test(away.body.toString())],
    ["node.unavailable", true],
  );
  await post("/v1/nodes/gamma/revoke");
  assert.equal(codeOf(await post("/v1/nodes/gamma/drain")), "node.unknown");
});

test("an app's nodes are those that can run it, by name", async () => {
  const { revision } = (await node.deploy("held")).of(deployApp);
  node.mesh.holding.set(revision, ["c1", "b1"]);
  const { json: shown } = await node.call(showApp, { parameters: { app: "held" } });
  assert.deepEqual(shown.nodes, ["test", "beta", "gamma"]);
});

test("masters and revocation list are for everybody", async () => {
  const masters = await node.ask("/v1/masters", { token: null });
  assert.deepEqual(masters.json(), { mesh: "fake", masters: [], records: [] });
  const crl = await node.ask("/crl.pem", { token: null });
  assert.equal(crl.headers["content-type"], "application/x-pem-file");
  assert.match(crl.body.toString(), /X509 CRL/);
});

test("the audit log by names, bounded, by event, or whole for a proof", async () => {
  await post("/v1/nodes/gamma/revoke");
  await post("/v1/nodes/beta/revoke");
  const records = narrowed(audit, auditRecords);
  const [first, second] = (await node.call(records)).json;
  assert.deepEqual([first?.event, first?.subject, first?.node, first?.seq], ["node.revoked", "c1", "test", 0]);
  assert.equal(second?.subject, "b1");
  assert.deepEqual(
    (await node.call(records, { query: { limit: "1" } })).json.map(({ seq }) => seq),
    [1],
  );
  assert.deepEqual((await node.call(records, { query: { event: "app.deployed" } })).json, []);
  assert.equal((await node.call(narrowed(audit, auditProof), { query: { proof: "true" } })).json.mesh, "fake");
  assert.deepEqual((await node.call(narrowed(audit, auditHeads), { query: { heads: "true" } })).json, ["a head"]);
  assert.equal(codeOf(await node.ask("/v1/audit?limit=x")), "request.malformed");
});

test("events arrive as they happen, and a client that leaves is forgotten", async () => {
  const stream = node.open("/v1/events");
  stream.end();
  stream.on("error", () => undefined);
  const [response] = (await once(stream, "response")) as [IncomingMessage];
  assert.equal(response.headers["content-type"], "text/event-stream");
  response.setEncoding("utf8");
  let text = "";
  const until = async (part: string) => {
    while (!text.includes(part)) text += ((await once(response, "data")) as [string])[0];
  };
  await until(": listening\n\n");
  assert.equal(node.events.listeners, 1);
  node.events.publish({ type: "node.state", at: 0, node: "beta\n\nevent: forged", id: "b1", state: "dead" });
  await until("}\n\n");
  assert.match(text, /event: node\.state\ndata: \{"type":"node\.state","at":"1970-[^\n]*"state":"dead"\}\n\n$/);
  assert.ok(!text.includes("\nevent: forged"), `${text}`);
  response.destroy();
  while (node.events.listeners > 0) await new Promise((resolve) => setTimeout(resolve, 5));
});

test("what needs an admin refuses others", async () => {
  const { token } = await node.tokens.issue({ role: "deploy", ttlSeconds: 60 });
  for (const path of ["/v1/audit", "/v1/events", "/v1/nodes", "/v1/mesh", "/v1/mesh/why/abc-1"]) {
    assert.equal(codeOf(await node.ask(path, { token })), "auth.forbidden", path);
  }
  for (const verb of ["revoke", "drain", "resume", "recycle"]) {
    assert.equal(codeOf(await node.ask(`/v1/nodes/beta/${verb}`, { method: "POST", token })), "auth.forbidden", verb);
  }
});
