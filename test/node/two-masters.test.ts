// Two masters, as processes: either does everything, each goes on without the other, and one revokes the other.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { connect } from "node:tls";
import { auditVerdict } from "../../src/api/audit.js";
import { listJoins } from "../../src/api/joins.js";
import { listNodes, nodeList } from "../../src/api/nodes.js";
import type { AnswerJson } from "../../src/api/route.js";
import { narrowed } from "../../src/api/route.js";
import { createToken, listTokens } from "../../src/api/tokens.js";
import type { NodeProcess } from "../../src/testing/node-process.js";
import { parsedAnswer } from "../contract.js";
import {
  call,
  deploy,
  herdAt,
  launchJoiner,
  meshSeenBy,
  seesAlive,
  startMesh,
  until,
} from "../harness/processes/processes.js";

const text = "export function twice(n: i32): i32 { return n * 2; }";

const nodesRoute = narrowed(listNodes, nodeList);

async function issueToken(
  node: NodeProcess,
  token: string,
  role: "invoke" | "join",
): Promise<AnswerJson<typeof createToken>> {
  return (await node.client(token).call(createToken, { body: { role } })).json;
}

/** The issuer of the certificate that a node shows its clients. */
async function signerOf({ ready, ca }: NodeProcess): Promise<string> {
  const { hostname: host, port } = new URL(ready.url);
  const socket = connect({ host, port: Number(port), ca });
  try {
    await once(socket, "secureConnect");
    return String(socket.getPeerCertificate().issuer.CN);
  } finally {
    socket.destroy();
  }
}

async function works(node: NodeProcess, token: string): Promise<boolean> {
  return (await call(node, { path: "demo/twice", body: "[4]", token })).text === "8";
}

async function verifies(node: NodeProcess, token: string): Promise<true> {
  const { problems } = auditVerdict.parse(JSON.parse(await herdAt(node, token, ["audit", "verify"])));
  assert.deepEqual(problems, []);
  return true;
}

test("two masters: either does all, each goes on without the other, and one revokes the other", async (context) => {
  const mesh = await startMesh(context, ["north"]);
  const { token } = mesh;
  let north = mesh.founder;
  const made = await mesh.joinToken({ master: true });
  const south = await mesh.add(
    launchJoiner(context, { mesh, name: "south", at: north.ready.url, flags: ["--token", made] }),
  );
  const east = await mesh.join("east");
  const names = ["north", "south", "east"];
  for (const node of mesh.nodes) await until(`${node.ready.node} sees all`, () => seesAlive(node, { token, names }));
  assert.deepEqual((await meshSeenBy(east, token)).masters.toSorted(), ["north", "south"]);
  await deploy(east, { app: "demo", text, token });
  const invoke = (await issueToken(north, token, "invoke")).token;

  await context.test("tokens of either are good everywhere, and every node lists what both keep", async () => {
    const { token: second } = await issueToken(south, token, "invoke");
    for (const node of mesh.nodes) {
      for (const good of [invoke, second])
        await until(`${node.ready.node} takes the tokens of both`, () => works(node, good));
    }
    const ofNorth = await issueToken(north, token, "join");
    const ofSouth = await issueToken(south, token, "join");
    for (const node of mesh.nodes) {
      const listed = parsedAnswer(listTokens, await herdAt(node, token, ["token", "list"])).map(({ id }) => id);
      assert.ok(listed.includes(ofNorth.id) && listed.includes(ofSouth.id), `${node.ready.node} lists both`);
    }
    // The master that is asked is not the one that keeps the token.
    const flags = ["--token", ofSouth.token];
    const west = await mesh.add(launchJoiner(context, { mesh, name: "west", at: north.ready.url, flags }));
    await until("west answers", () => works(west, invoke));
    const nodes = parsedAnswer(nodesRoute, await herdAt(east, token, ["node", "list"]));
    assert.equal(nodes.find(({ name }) => name === "west")?.parent, "north", "it came in where it asked");
    // Taken back at the other master, a token is gone.
    await herdAt(south, token, ["token", "revoke", ofNorth.id]);
    const left = parsedAnswer(listTokens, await herdAt(east, token, ["token", "list"]));
    assert.ok(
      left.every(({ id }) => id !== ofNorth.id),
      JSON.stringify(left),
    );
  });

  await context.test("requests that wait at either are shown and decided at any node", async () => {
    const waiting = [north, south, east].map((asked) => {
      const name = `asks-${asked.ready.node}`;
      return { name, launched: launchJoiner(context, { mesh, name, at: asked.ready.url }) };
    });
    for (const node of [north, south, east]) {
      await until(`${node.ready.node} lists all requests`, async () => {
        const joins = parsedAnswer(listJoins, await herdAt(node, token, ["join", "list"]));
        return waiting.every(({ name }) => joins.some((join) => join.name === name));
      });
    }
    for (const { id } of parsedAnswer(listJoins, await herdAt(east, token, ["join", "list"]))) {
      await herdAt(east, token, ["join", "reject", id]);
    }
    for (const { launched } of waiting) assert.equal(await launched.exited, 1);
  });

  await context.test("kill -9 of one: the other lets nodes in and revokes; the first returns and agrees", async () => {
    await north.kill();
    const { token: joinToken } = await issueToken(east, token, "join");
    const flags = ["--token", joinToken];
    const late = await mesh.add(launchJoiner(context, { mesh, name: "late", at: east.ready.url, flags }));
    await until("the late node answers", () => works(late, invoke));
    await herdAt(east, token, ["node", "revoke", "west"]);
    for (const node of [east, south, late]) {
      await until(`${node.ready.node} knows`, async () => (await meshSeenBy(node, token)).revoked.includes("west"));
    }

    north = await mesh.restart("north");
    await until("north knows whom south let in and revoked", async () => {
      const { revoked } = await meshSeenBy(north, token);
      const nodes = parsedAnswer(nodesRoute, await herdAt(north, token, ["node", "list"]));
      return revoked.includes("west") && nodes.some(({ name }) => name === "late");
    });
    await until("north sees all", () => seesAlive(north, { token, names: ["south", "east", "late"] }));
    for (const node of [north, south, late]) await until("the logs verify", () => verifies(node, token));
  });

  await context.test("a revoked master: its nodes find certificates at the other and keep serving", async () => {
    // One of its nodes sleeps through it.
    const sleeper = await mesh.join("sleeper");
    await until("the sleeper has the app", () => works(sleeper, invoke));
    await sleeper.stop();

    await herdAt(south, token, ["node", "revoke", "north"]);
    const ms = await until("east is back over new links", async () => {
      const linked = await seesAlive(east, { token, names: ["south", "late"] });
      return linked && (await meshSeenBy(east, token)).revoked.includes("north");
    });
    context.diagnostic(`east came back in ${Math.round(ms)} ms`);
    await until("also what it shows its clients is signed by south", async () =>
      (await signerOf(east)).includes("south"),
    );
    await until("south sees east", () => seesAlive(south, { token, names: ["east"] }));
    for (const node of [east, south]) assert.ok(await works(node, invoke), "it keeps serving, also for its tokens");
    assert.deepEqual((await meshSeenBy(east, token)).masters, ["south"]);
    const { nodes } = await deploy(east, { app: "after", text, token });
    assert.ok(nodes.includes("south") && !nodes.includes("north"), String(nodes));

    const back = await mesh.restart("sleeper");
    await until("the sleeper finds back", async () => {
      return (await seesAlive(back, { token, names: ["south", "east"] })) && (await works(back, invoke));
    });
    const { token: fresh } = await issueToken(back, token, "invoke");
    await until("a new token is good", () => works(east, fresh));
    await until("the log verifies", () => verifies(south, token));
  });
});
