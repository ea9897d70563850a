// A node that stops in the middle of what it does, with its connections open, and goes on later: what the others do
// meanwhile.
import assert from "node:assert/strict";
import { test } from "node:test";
import { callMany } from "../../src/testing/many-calls.js";
import { call, deploy, meshSeenBy, seesAlive, startMesh, until } from "../harness/processes/processes.js";

const names = ["north", "east", "south"];
const deadlineMs = 5_000;
/** What a loaded machine may add to a deadline. */
const slackMs = 4_000;
const source = `export function twice(n: i32): i32 { return n * 2; }
export function busy(n: i32): i32 {
  let state: u32 = <u32>n;
  for (let round = 0; round < 3000000; round++) state = state * 1664525 + 1013904223;
  return state == 12345 ? -1 : n + 1;
}`;

test("a frozen node: calls go on at its peers, which consider it dead, and it returns", async (context) => {
  const mesh = await startMesh(context, names);
  const { token } = mesh;
  const [north, east, south] = mesh.nodes;
  assert.ok(north && east && south, "no north, or no east, or no south");
  await deploy(north, { app: "demo", text: source, token });
  for (const node of mesh.nodes) await until(`${node.ready.node} sees all`, () => seesAlive(node, { token, names }));
  const stateOf = async (name: string): Promise<string | undefined> =>
    (await meshSeenBy(east, token)).peers.find((peer) => peer.name === name)?.state;
  const working = (node: typeof north, path: string) => async () =>
    (await call(node, { path, body: "[2]", token })).text === "4";

  const body = (index: number): string => `[${index}]`;
  const load = callMany(east, { path: "demo/busy", body, calls: 1_500, atATime: 16, token, deadlineMs });
  await until("calls run at the node", async () => {
    const { peers } = await meshSeenBy(east, token);
    const peer = peers.find(({ name }) => name === "south");
    return (peer?.running ?? 0) > 0;
  });
  south.freeze();
  let late = 0;
  for (const answer of await load) {
    assert.ok(answer.ms < deadlineMs + slackMs, `an answer after ${answer.ms} ms`);
    if (answer.status === 504) {
      late++;
      continue;
    }
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.text, String(answer.index + 1));
  }
  context.diagnostic(`${late} calls ran out of time`);
  await until("the node is suspect or dead", async () => ["suspect", "dead"].includes((await stateOf("south")) ?? ""));
  await until("calls go on", working(east, "demo/twice"));
  await deploy(east, { app: "meanwhile", text: source, token });

  south.thaw();
  for (const node of mesh.nodes) await until(`${node.ready.node} sees all`, () => seesAlive(node, { token, names }));
  await until("it has what it missed", working(south, "meanwhile/twice"));

  // The only master.
  north.freeze();
  await until("calls by an issued token go on", working(east, "demo/twice"));
  const ms = await until("a deploy is acknowledged by another node", async () => {
    const { nodes } = await deploy(east, { app: "orphan", text: source, token });
    return nodes.includes("south") && !nodes.includes("north");
  });
  context.diagnostic(`deployed without the master in ${Math.round(ms)} ms`);
  assert.ok(await working(south, "orphan/twice")(), "the orphan runs");
  north.thaw();
  await until("the master catches up", working(north, "orphan/twice"));
  for (const node of mesh.nodes) await until(`${node.ready.node} sees all`, () => seesAlive(node, { token, names }));
});
