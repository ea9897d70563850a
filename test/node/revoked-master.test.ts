// A master is revoked: its nodes did no wrong, and are back with certificates of another master within seconds.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createToken } from "../../src/api/tokens.js";
import { NodeProcess } from "../../src/testing/node-process.js";
import { call, deploy, meshSeenBy, seesAlive, startMesh, until } from "../harness/processes/processes.js";

test("nodes that a revoked master let in return by themselves", async (context) => {
  const mesh = await startMesh(context, ["north"]);
  const { token, founder: north } = mesh;
  const join = async (name: string, via: NodeProcess, joinToken: string): Promise<NodeProcess> => {
    const node = await NodeProcess.start([...mesh.flags(name), "--join", via.ready.url, "--token", joinToken]);
    context.after(() => node.stop());
    return node;
  };
  const east = await join("east", north, await mesh.joinToken({ master: true }));
  const { json: made } = await east.client(token).call(createToken, { body: { role: "join" } });
  const south = await join("south", east, made.token);
  await until("all see each other", () => seesAlive(south, { token, names: ["north", "east", "south"] }));
  await mesh.herd(["node", "revoke", "east"]);
  await until("south is back", async () => {
    const { revoked } = await meshSeenBy(south, token);
    return revoked.includes("east") && (await seesAlive(south, { token, names: ["north", "south"] }));
  });
  await until("north sees it too", () => seesAlive(north, { token, names: ["north", "south"] }));
  const { nodes } = await deploy(south, { app: "demo", text: "export function one(): i32 { return 1; }", token });
  assert.deepEqual([...nodes].sort(), ["north", "south"]);
  assert.equal((await call(north, { path: "demo/one", body: "[]", token })).text, "1");
  // The revoked master's own word counts nowhere any more, whatever it serves to its own clients.
  const { peers } = await meshSeenBy(north, token);
  assert.ok(!peers.some(({ name }) => name === "east"), JSON.stringify(peers));
});
