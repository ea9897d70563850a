// How nodes come in, as processes: by token, by a person, by a list of seeds; and how they are turned away.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { showApp } from "../../src/api/apps.js";
import { listJoins, type PendingJoin } from "../../src/api/joins.js";
import { listNodes, nodeList } from "../../src/api/nodes.js";
import { narrowed } from "../../src/api/route.js";
import { createToken } from "../../src/api/tokens.js";
import type { LaunchedNode } from "../../src/testing/node-process.js";
import { parsedAnswer } from "../contract.js";
import {
  call,
  deploy,
  herdAt,
  launchJoiner,
  launchNode,
  seesAlive,
  startMesh,
  until,
} from "../harness/processes/processes.js";

const text = "export function twice(n: i32): i32 { return n * 2; }";

/** The code that a node shows to the person who started it. */
function codeOf({ lines }: LaunchedNode): string | undefined {
  return lines.map((line) => /Code: ([A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4})/.exec(line)?.[1]).find(Boolean);
}

test("a node without a token shows the code that the mesh shows, and a person decides", async (context) => {
  const mesh = await startMesh(context, ["north"]);
  const { token, founder: north } = mesh;
  const asking = launchJoiner(context, { mesh, name: "east", at: north.ready.url });
  const turnedAway = launchJoiner(context, { mesh, name: "west", at: north.ready.url });
  let requests: readonly PendingJoin[] = [];
  await until("both wait, with the codes that they show", async () => {
    requests = parsedAnswer(listJoins, await herdAt(north, token, ["join", "list"]));
    return [asking, turnedAway].every((node) => requests.some(({ code }) => code === codeOf(node)));
  });
  const idOf = (node: LaunchedNode): string => requests.find(({ code }) => code === codeOf(node))?.id ?? "";
  assert.equal(requests.find(({ code }) => code === codeOf(asking))?.name, "east");

  await herdAt(north, token, ["join", "reject", idOf(turnedAway)]);
  assert.equal(await turnedAway.exited, 1);
  assert.match(turnedAway.lines.join("\n"), /join\.refused: .*rejected/);

  await herdAt(north, token, ["join", "approve", idOf(asking), "--no-deploy"]);
  const east = await mesh.add(asking);
  assert.equal(east.ready.mesh, north.ready.mesh);
  assert.deepEqual(parsedAnswer(listJoins, await herdAt(north, token, ["join", "list"])), []);
  await until("they are linked", () => seesAlive(east, { token, names: ["north", "east"] }));
  // It may not deploy: what is uploaded there, a node that may takes over.
  const { nodes } = await deploy(east, { app: "demo", text, token });
  assert.deepEqual(nodes.toSorted(), ["east", "north"]);
  const { json: app } = await east.client(token).call(showApp, { parameters: { app: "demo" } });
  assert.equal(app.revisions.length, 1);
  assert.equal((await call(east, { path: "demo/twice", body: "[4]", token })).text, "8");
});

test("tokens: a taken name, a race, a revoked token, seeds, an ephemeral node, a restart", async (context) => {
  const mesh = await startMesh(context, ["north"]);
  const { token, founder: north } = mesh;
  const at = north.ready.url;
  await deploy(north, { app: "demo", text, token });

  const once = await mesh.joinToken();
  const racers = ["first", "second"].map((name) => launchJoiner(context, { mesh, name, at, flags: ["--token", once] }));
  const results = await Promise.allSettled(racers.map((racer) => mesh.add(racer)));
  const [winner, second] = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  assert.ok(winner !== undefined && second === undefined, "one of two comes in");
  const loser = racers[results.findIndex(({ status }) => status === "rejected")];
  assert.equal(await loser?.exited, 1);
  assert.match(loser?.lines.join("\n") ?? "", /join\.refused: .*used/);

  const revoked = parsedAnswer(createToken, await herdAt(north, token, ["token", "create", "--role", "join"]));
  await herdAt(winner, token, ["token", "revoke", revoked.id]);
  const tooLate = launchJoiner(context, { mesh, name: "late", at, flags: ["--token", revoked.token] });
  assert.equal(await tooLate.exited, 1);
  assert.match(tooLate.lines.join("\n"), /join\.refused/);

  // The name is taken; the first seeds are dead; nothing is kept.
  const folder = await mkdtemp(join(tmpdir(), "herd-joins-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const config = join(folder, "node.json");
  // Nobody listens at port 1 (tcpmux), and no other process of this machine may be given it meanwhile.
  const seeds = ["https://localhost:1", "https://127.0.0.1:1", winner.ready.url];
  await writeFile(config, JSON.stringify({ name: "north", seeds, token: await mesh.joinToken(), ephemeral: true }));
  const flags = ["--config", config, "--state", join(folder, "state"), "--port", "0", "--peer-port", "0"];
  const other = await mesh.add(launchNode(context, [...flags, "--workers", "1"]));
  assert.equal(other.ready.node, "north-2");
  const nodes = parsedAnswer(narrowed(listNodes, nodeList), await herdAt(other, token, ["node", "list"]));
  assert.equal(nodes.find(({ name }) => name === "north-2")?.parent, winner.ready.node);
  await until("it answers", async () => (await call(other, { path: "demo/twice", body: "[4]", token })).text === "8");
  await other.stop();

  // A unit file starts it with the same flags each time; its token was used long ago.
  await winner.stop();
  const again = await launchJoiner(context, { mesh, name: winner.ready.node, at, flags: ["--token", once] }).serving;
  context.after(() => again.stop());
  assert.equal(again.ready.node, winner.ready.node);
  await until("it is back", () => seesAlive(again, { token, names: ["north", winner.ready.node] }));

  // Nobody can let anybody in while the only master is away.
  const unused = await mesh.joinToken();
  await north.stop();
  for (const url of [at, again.ready.url]) {
    const refused = launchJoiner(context, { mesh, name: "nobody", at: url, flags: ["--token", unused] });
    assert.equal(await refused.exited, 1);
    assert.match(refused.lines.join("\n"), /node\.unavailable: .*(nothing listens there|master)/);
  }
});
