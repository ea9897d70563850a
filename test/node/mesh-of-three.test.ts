// Three node processes that found, join, deploy, call, revoke, and lose each other.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { connect } from "node:tls";
import { listApps, removeApp } from "../../src/api/apps.js";
import { type AuditVerdict, auditVerdict } from "../../src/api/audit.js";
import { listNodes, nodeTree, revokeNode, type TreeNode } from "../../src/api/nodes.js";
import { narrowed } from "../../src/api/route.js";
import { createToken } from "../../src/api/tokens.js";
import { ProblemError } from "../../src/client/errors.js";
import type { LocalMesh } from "../../src/testing/local-mesh.js";
import { callMany } from "../../src/testing/many-calls.js";
import type { NodeProcess } from "../../src/testing/node-process.js";
import { parsedAnswer } from "../contract.js";
import { call, deploy, meshSeenBy, seesAlive, startMesh, until } from "../harness/processes/processes.js";

const names = ["north", "east", "south"];
const source = `import { nodeName } from "herd";
export function twice(n: i32): i32 { return n * 2; }
export function where(): string { return nodeName(); }
export function busy(n: i32): i32 {
  let state: u32 = <u32>n;
  for (let round = 0; round < 300000; round++) state = state * 1664525 + 1013904223;
  return state == 12345 ? -1 : n + 1;
}`;

async function treeOf(mesh: LocalMesh): Promise<TreeNode> {
  const tree = parsedAnswer(narrowed(listNodes, nodeTree), await mesh.herd(["node", "tree", "--json"]));
  assert.ok(tree !== null, "a founder is known");
  return tree;
}

async function verdictOf(mesh: LocalMesh): Promise<AuditVerdict> {
  return auditVerdict.parse(JSON.parse(await mesh.herd(["audit", "verify", "--json"])));
}

test("a mesh of three: join, deploy, calls anywhere and forwarded, the tree, the audit log", async (context) => {
  const mesh = await startMesh(context, names);
  const { token } = mesh;
  for (const node of mesh.nodes) {
    assert.equal(node.ready.mesh, mesh.founder.ready.mesh);
    await until(`${node.ready.node} sees the others`, () => seesAlive(node, { token, names }));
  }
  const [north, east, south] = mesh.nodes;
  assert.ok(north && east && south, "no north, or no east, or no south");
  assert.equal(east.ready.token, undefined, "only who founded is given an admin token");

  const deployed = await deploy(north, { app: "demo", text: source, token });
  // Those that had it when one more did and a second had passed; a busy machine may need longer for the third.
  assert.ok(deployed.nodes.length >= 2 && deployed.nodes.every((name) => names.includes(name)), `${deployed.nodes}`);
  const answers42 = async (node: NodeProcess) =>
    (await call(node, { path: "demo/twice", body: "[21]", token })).text === "42";
  for (const node of mesh.nodes) await until(`${node.ready.node} has it`, () => answers42(node));
  // A node that joined has the deploy mark by default.
  const again = await deploy(south, { app: "other", text: "export function one(): i32 { return 1; }", token });
  assert.ok(again.nodes.includes("south"), `${again.nodes}`);
  await until("east has it", async () => (await call(east, { path: "other/one", body: "[]", token })).text === "1");

  const options = { path: "demo/busy", body: (index: number) => `[${index}]`, calls: 400, atATime: 24, token };
  const answers = await callMany(north, options);
  for (const answer of answers) {
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.text, String(answer.index + 1));
    assert.equal(answer.hops, answer.node === "north" ? 0 : 1);
  }
  assert.ok(new Set(answers.map(({ node }) => node)).size > 1, "under load, calls spread");

  // For diagnosis an admin says where.
  const json = { "content-type": "application/json" };
  const headers = { ...json, "herd-node": "east" };
  const there = await north.client(token).send("/fn/demo/where", { method: "POST", body: "[]", headers });
  assert.equal(there.text, '"east"');

  // Where a call ran is no secret to its admin.
  const plain = await north.client(token).send("/fn/demo/where", { method: "POST", body: "[]", headers: json });
  const why = await mesh.herd(["mesh", "why", String(plain.headers["herd-invocation"])]);
  assert.match(why, /^demo\/where \([0-9a-f]{12}\) at .*: came in at north, [12] peers? could run it\n1\. (here|at )/);
  assert.match(why, /\n {3}north: \d+ of \d+ slots running, /);

  await until("its metrics count the members and the records", async () => {
    const { text: metrics } = await north.client(token).send("/metrics");
    assert.match(metrics, /^herd_members\{state="alive"\} 2$/m);
    assert.match(metrics, /^herd_records_total\{outcome="new"\} [1-9]/m);
    return true;
  });

  const tree = await treeOf(mesh);
  assert.equal(tree.name, "north");
  assert.deepEqual(tree.children.map(({ name }) => name).sort(), ["east", "south"]);
  const audit = await verdictOf(mesh);
  assert.equal(audit.ok, true);
  assert.ok(audit.records >= 4, `${audit.records} records`);

  // Removal spreads too.
  await south.client(token).call(removeApp, { parameters: { app: "other" } });
  for (const node of mesh.nodes) {
    await until("the removal reached everybody", async () => {
      const { json: apps } = await node.client(token).call(listApps);
      return apps.every(({ app }) => app !== "other");
    });
  }
  // Nor does it come back with the samples of who joins later.
  const functions = join(dirname(north.ready.state), "functions");
  await mkdir(functions);
  for (const app of ["other", "fresh"]) {
    await writeFile(join(functions, `${app}.ts`), "export function one(): i32 { return 1; }");
  }
  const west = await mesh.join("west", ["--functions", functions]);
  await until("west has the app that it brought, and what the mesh has", async () => {
    const { json: apps } = await west.client(token).call(listApps);
    assert.deepEqual(apps.map(({ app }) => app).sort(), ["demo", "fresh"]);
    return true;
  });
});

test("a revoked node is refused everywhere, and stays so after restarts", async (context) => {
  const mesh = await startMesh(context, names);
  const { token } = mesh;
  const [north, east, south] = mesh.nodes;
  assert.ok(north && east && south, "no north, or no east, or no south");
  await until("they see each other", () => seesAlive(east, { token, names }));
  await deploy(north, { app: "demo", text: source, token });
  await until("south has it", async () => (await call(south, { path: "demo/twice", body: "[1]", token })).text === "2");
  // Asked through the node itself, whose link is cut before the answer: who asked hears that it was done all the same.
  const revoked = south.client(token).call(revokeNode, { parameters: { node: "south" } });
  await assert.rejects(revoked, /this node was revoked by the request/);
  for (const node of [north, east]) {
    await until(`${node.ready.node} knows`, async () => {
      const { peers, revoked } = await meshSeenBy(node, token);
      return revoked.includes("south") && peers.every(({ name }) => name !== "south");
    });
  }
  // Its own line; a peer that refused it before that is one of its own too.
  const said = (): number => south.lines.filter((line) => line.includes("this node was revoked")).length;
  await until("the revoked node says so", async () => said() > 0);
  await assert.rejects(call(south, { path: "demo/twice", body: "[1]", token }), (error) => {
    assert.ok(error instanceof ProblemError, String(error));
    assert.equal(error.document.code, "node.draining");
    return true;
  });
  assert.equal(said(), 1, "once");
  await south.stop();
  await assert.rejects(mesh.restart("south"), /south was revoked from its mesh/);
  const shown = await certificateOf(east);
  await mesh.restart("east");
  const restarted = mesh.nodes[1];
  assert.ok(restarted, "no restarted node");
  await until("the restarted node still knows", async () =>
    (await meshSeenBy(restarted, token)).revoked.includes("south"),
  );
  const tree = await treeOf(mesh);
  assert.equal(tree.children.find(({ name }) => name === "south")?.state, "revoked");
  // Nobody vouches for the name of its machine, and no master adds it later: it asks for nothing anew.
  await until("its link to the master is up", async () => (await meshSeenBy(restarted, token)).peers.length > 0);
  assert.equal(await certificateOf(restarted), shown, "a start makes no new certificate");
});

/** The fingerprint of the certificate that a node shows to its clients. */
async function certificateOf({ ready }: NodeProcess): Promise<string> {
  const { hostname, port } = new URL(ready.url);
  const socket = connect({ host: hostname, port: Number(port), ca: await readFile(ready.ca), servername: hostname });
  try {
    await once(socket, "secureConnect");
    return socket.getPeerCertificate().fingerprint256;
  } finally {
    socket.destroy();
  }
}

test("kill -9 of any node under load: no answer wrong, no deploy lost, the only master may return", async (context) => {
  const mesh = await startMesh(context, names);
  const { token } = mesh;
  const [north, east, south] = mesh.nodes;
  assert.ok(north && east && south, "no north, or no east, or no south");
  await until("they see each other", () => seesAlive(east, { token, names }));
  await deploy(north, { app: "demo", text: source, token });

  const body = (index: number): string => `[${index}]`;
  const load = callMany(east, { path: "demo/busy", body, calls: 600, atATime: 16, token });
  await until(
    "calls are under way",
    async () => (await call(east, { path: "demo/twice", body: "[1]", token })).text === "2",
  );
  await south.kill();
  // What is acknowledged while a node is gone counts like any other.
  await deploy(north, { app: "late", text: "export function two(): i32 { return 2; }", token });
  await north.kill();
  for (const answer of await load) {
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.text, String(answer.index + 1));
  }

  // The only master is gone: tokens that were issued go on, for calls and for deploys.
  assert.equal((await call(east, { path: "late/two", body: "[]", token })).text, "2");
  await mesh.restart("south");
  const back = mesh.nodes[2];
  assert.ok(back, "no back");
  await until("south returns through what it knew", () => seesAlive(east, { token, names: ["east", "south"] }));
  await until(
    "south has every app again",
    async () => (await call(back, { path: "late/two", body: "[]", token })).text === "2",
  );
  await deploy(east, { app: "orphan", text: "export function three(): i32 { return 3; }", token });
  await assert.rejects(east.client(token).call(createToken, { body: { role: "invoke" } }), (error) => {
    assert.ok(error instanceof ProblemError, String(error));
    assert.equal(error.document.code, "node.unavailable");
    return true;
  });

  const master = await mesh.restart("north");
  await until("the master has what was deployed without it", async () => {
    return (await call(master, { path: "orphan/three", body: "[]", token })).text === "3";
  });
  await until("and what was deployed while it was there", async () => {
    return (await call(master, { path: "late/two", body: "[]", token })).text === "2";
  });
  const { json: issued } = await east.client(token).call(createToken, { body: { role: "invoke" } });
  assert.equal((await call(back, { path: "demo/twice", body: "[4]", token: issued.token })).text, "8");
  const audit = await verdictOf(mesh);
  assert.deepEqual(audit.problems, []);
});
