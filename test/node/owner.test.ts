// A node of an owner in a real mesh of two: unplugged, plugged in, paused and resumed, and what its peer sees of that.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type MeshPeer, showMesh } from "../../src/api/mesh.js";
import { drainNode, listNodes, nodeList, resumeNode } from "../../src/api/nodes.js";
import { changePolicy, type Policy, showPolicy } from "../../src/api/policy.js";
import { narrowed, type SentBodyOf } from "../../src/api/route.js";
import { createToken } from "../../src/api/tokens.js";
import { Client } from "../../src/client/client.js";
import { ProblemError } from "../../src/client/errors.js";
import { readClientState } from "../../src/storage/client-state.js";
import { checkAnswer } from "../contract.js";
import { until } from "../harness/processes/processes.js";
import { deployText, type RealNode, startNode } from "../harness/tls/real-node.js";

let folder: string;
let laptop: RealNode;
let peer: RealNode;

/** Plugs the laptop in or out, as whole files: none is seen while it is written. */
async function plug(online: boolean): Promise<void> {
  const supply = join(folder, "sys", "class", "power_supply", "AC");
  await writeFile(join(folder, "online"), online ? "1\n" : "0\n");
  await rename(join(folder, "online"), join(supply, "online"));
}

async function put(body: SentBodyOf<typeof changePolicy>): Promise<Policy> {
  return (await laptop.client.call(changePolicy, { body })).json;
}

const policy = async (): Promise<Policy> => (await laptop.client.call(showPolicy)).json;

/** How many living peers the laptop sees. */
async function alive(): Promise<number> {
  const { json: mesh } = await laptop.client.call(showMesh);
  return mesh.peers.filter(({ state }) => state === "alive").length;
}

/** What the peer sees of the laptop. */
async function seen(): Promise<Pick<MeshPeer, "state" | "slots">> {
  const { json: mesh } = await peer.client.call(showMesh);
  return mesh.peers.find(({ name }) => name === "laptop") ?? { state: "unknown", slots: null };
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "herd-owner-"));
  const supply = join(folder, "sys", "class", "power_supply", "AC");
  await mkdir(supply, { recursive: true });
  await writeFile(join(supply, "type"), "Mains\n");
  await plug(true);
  const flags = { profile: false, warmCompiler: false, ephemeral: true };
  const kernel = { proc: join(folder, "proc"), sys: join(folder, "sys") };
  peer = await startNode({ ...flags, name: "peer" });
  const { token } = (await peer.client.call(createToken, { body: { role: "join" } })).json;
  laptop = await startNode({
    ...flags,
    name: "laptop",
    kernel,
    policy: { owner: "auto", foreignCpu: 1, activeShare: 0, memoryShare: 1 },
    join: peer.ready.url,
    token,
  });
  const ca = await readFile(laptop.ready.ca, "utf8");
  const url = new URL(laptop.ready.url);
  laptop = { ...laptop, client: new Client({ url, token: peer.ready.token, ca, onAnswer: checkAnswer }) };
  await until("a living peer", async () => (await seen()).state === "alive");
  await until("the same here", async () => (await alive()) === 1);
});

after(async () => {
  await laptop?.stop();
  await peer?.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

test("the peer receives the number of workers that the owner leaves to calls", async () => {
  // Where no session says that its owner is away, the owner counts as there.
  const { state, slots, idleClass } = await policy();
  assert.deepEqual(idleClass ? [state, slots] : [state], idleClass ? ["active", 1] : ["idle"]);
  // The owner may come or go meanwhile.
  await until("the peer hears", async () => (await seen()).slots === (await policy()).slots);
});

test("an unplugged node runs no calls, and reports that to its peer; plugged in, it runs them again", async (t) => {
  await plug(false);
  const gone = await until("no slots", async () => (await policy()).slots === 0);
  const heard = await until("the peer hears of none", async () => (await seen()).slots === 0);
  assert.equal((await policy()).state, "battery");
  const metrics = (await laptop.client.send("/metrics")).text;
  assert.match(metrics, /^herd_owner_state\{state="battery"\} 1$/m);
  assert.match(metrics, /^herd_slots_allowed 0$/m);
  await plug(true);
  const back = await until("slots again", async () => (await policy()).slots > 0);
  await until("the peer hears of it", async () => ((await seen()).slots ?? 0) > 0);
  // The bound of a second is proved in virtual time; a loaded machine has none.
  t.diagnostic(
    `unplugged: ${gone.toFixed()} ms, at the peer ${(gone + heard).toFixed()} ms; back ${back.toFixed()} ms`,
  );
});

test("a paused node is asleep for its peer until it is resumed", async () => {
  await put({ pausedUntil: "forever" });
  await until("asleep", async () => (await seen()).state === "asleep");
  await assert.rejects(laptop.client.send("/readyz"), /the node's owner paused it/);
  const resumed = await laptop.client.call(resumeNode, { parameters: { node: "laptop" } });
  assert.equal(resumed.json.state, "alive");
  await until("awake", async () => (await seen()).state === "alive");
  assert.notEqual((await policy()).state, "paused");
});

test("a node that an operator drains stays drained when a pause of its owner ends", async () => {
  await put({ pausedUntil: "forever" });
  await laptop.client.call(drainNode, { parameters: { node: "laptop" } });
  await until("draining", async () => (await seen()).state === "draining");
  await put({ pausedUntil: null });
  assert.notEqual((await policy()).state, "paused");
  assert.equal((await seen()).state, "draining");
  await laptop.client.call(resumeNode, { parameters: { node: "laptop" } });
  await until("alive", async () => (await seen()).state === "alive");
});

test("the owner's secret of the state folder replaces a token for the policy of its own node alone", async () => {
  const { ownerSecret = "", token } = (await readClientState(laptop.ready.state)) ?? {};
  assert.deepEqual([token, ownerSecret.length], [undefined, 43]);
  const ca = await readFile(laptop.ready.ca, "utf8");
  const asOwner = (at: RealNode): Client =>
    new Client({ url: new URL(at.ready.url), token: ownerSecret, ca, onAnswer: checkAnswer });
  const owner = asOwner(laptop);
  const paused = await owner.call(changePolicy, { body: { pausedUntil: "forever" } });
  assert.equal(paused.json.state, "paused");
  await until("asleep", async () => (await seen()).state === "asleep");
  await assert.rejects(owner.send("/v1/nodes/peer/resume", { method: "POST" }), problem("auth.forbidden"));
  assert.equal((await owner.call(resumeNode, { parameters: { node: "laptop" } })).json.state, "alive");
  await assert.rejects(owner.send("/v1/nodes"), problem("auth.invalid"));
  await assert.rejects(asOwner(peer).send("/v1/policy"), problem("auth.invalid"));
  await assert.rejects(asOwner(peer).send("/v1/nodes/laptop/resume", { method: "POST" }), problem("auth.invalid"));
});

/** Whether an error is that problem. */
function problem(code: string): (error: unknown) => boolean {
  return (error) => error instanceof ProblemError && error.document.code === code;
}

test("a pause also preempts a call that a client of this machine started without slots", async () => {
  await plug(false);
  await until("no slots", async () => (await policy()).slots === 0);
  const text = "export function spin(): i32 { let x: i32 = 1; while (x != 0) x = (x * 1103515245) | 1; return x; }";
  await deployText(peer.client, "endless", text);
  await until("the app", async () => (await laptop.client.send("/v1/apps")).text.includes("endless"));
  const here = { "herd-node": "laptop" };
  const call = laptop.client.send("/fn/endless/spin", { method: "POST", headers: here });
  // It would end at its deadline otherwise.
  const refused = assert.rejects(call, problem("node.paused"));
  await until("it runs", async () => {
    const nodes = await laptop.client.call(narrowed(listNodes, nodeList));
    return nodes.json.some(({ name, running }) => name === "laptop" && running === 1);
  });
  await put({ pausedUntil: "forever" });
  await refused;
  await put({ pausedUntil: null });
  await plug(true);
});
