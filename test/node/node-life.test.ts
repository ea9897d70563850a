// A node that is drained, resumed, recycled and stopped under load, and the log lines of its calls: as processes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readLogs } from "../../src/api/logs.js";
import { ProblemError } from "../../src/client/errors.js";
import { callMany } from "../../src/testing/many-calls.js";
import type { NodeProcess } from "../../src/testing/node-process.js";
import { parsedAnswer } from "../contract.js";
import { call, deploy, herdAt, meshSeenBy, seesAlive, startMesh, until } from "../harness/processes/processes.js";

const names = ["north", "east", "south"];
const source = `import { log } from "herd";
export function twice(n: i32): i32 { return n * 2; }
export function loud(n: i32): i32 { log("loud " + n.toString()); return busy(n); }
export function busy(n: i32): i32 {
  let state: u32 = <u32>n;
  for (let round = 0; round < 1000000; round++) state = state * 1664525 + 1013904223;
  return state == 12345 ? -1 : n + 1;
}`;

test("a node is drained and resumed from a peer, lines of its calls come home, a stop fails none", async (context) => {
  const mesh = await startMesh(context, names);
  const { token } = mesh;
  const [north, east, south] = mesh.nodes;
  assert.ok(north && east && south, "no north, or no east, or no south");
  await deploy(north, { app: "demo", text: source, token });
  for (const node of mesh.nodes) await until(`${node.ready.node} sees all`, () => seesAlive(node, { token, names }));
  /** Names of the nodes that computed many calls through a node; every answer is right. */
  const computedBy = async (node: NodeProcess, { path = "demo/busy", calls = 200 } = {}): Promise<Set<string>> => {
    const body = (index: number): string => `[${index}]`;
    const answers = await callMany(node, { path, body, calls, atATime: 24, token });
    for (const { status, text, index } of answers) assert.deepEqual([status, text], [200, String(index + 1)]);
    return new Set(answers.map((answer) => answer.node));
  };
  const stateOf = async (node: NodeProcess, name: string): Promise<string | undefined> =>
    (await meshSeenBy(node, token)).peers.find((peer) => peer.name === name)?.state;
  /** Whether a peer of the node runs a call, as it told that node last. */
  const runs = async (node: NodeProcess, name: string): Promise<boolean> => {
    const peer = (await meshSeenBy(node, token)).peers.find((each) => each.name === name);
    return (peer?.running ?? 0) > 0;
  };

  await context.test(
    "log lines of calls that ran on peers are at the node that was called, with the peer's name",
    async () => {
      const computing = await computedBy(east, { path: "demo/loud" });
      assert.ok(computing.size > 1, "calls spread");
      await until("every node that computed is named", async () => {
        const lines = parsedAnswer(readLogs, await herdAt(east, token, ["logs", "demo"]));
        const loud = lines.filter(
          ({ message, app, function: name }) => /^loud \d+$/.test(message) && app === "demo" && name === "loud",
        );
        assert.ok(new Set(loud.map(({ message }) => message)).size === loud.length, "no line comes twice");
        return loud.length === 200 && [...computing].every((name) => loud.some(({ node }) => node === name));
      });
    },
  );

  await context.test("a drained node gets no calls of others and gives away its own, until it is resumed", async () => {
    await herdAt(east, token, ["node", "drain", "south"]);
    for (const node of [north, east]) {
      await until(`${node.ready.node} knows`, async () => (await stateOf(node, "south")) === "draining");
    }
    await assert.rejects(south.client(undefined).send("/readyz"), (error) => {
      assert.ok(error instanceof ProblemError, String(error));
      assert.deepEqual([error.document.status, error.document.code], [503, "node.draining"]);
      return true;
    });
    assert.ok(!(await computedBy(east)).has("south"), "others send it nothing");
    assert.ok(!(await computedBy(south)).has("south"), "it sends its own away");

    await herdAt(north, token, ["node", "resume", "south"]);
    await until("it is ready again", async () => (await south.client(undefined).send("/readyz")).status === 200);
    for (const node of [north, east]) {
      await until(`${node.ready.node} knows`, async () => (await stateOf(node, "south")) === "alive");
    }
    await until("it gets calls again", async () => (await computedBy(east)).has("south"));
    assert.equal((await call(south, { path: "demo/twice", body: "[3]", token })).node, "south");
  });

  await context.test("a node that is recycled drains, ends so that it is replaced, and no call fails", async () => {
    const load = computedBy(north, { calls: 1_500 });
    await until("calls run at the node", () => runs(north, "east"));
    await herdAt(south, token, ["node", "recycle", "east"]);
    assert.equal(await east.exited, 75);
    await load;
    await until("it left", async () => (await stateOf(north, "east")) === "left");
  });

  await context.test("a node that is stopped under load finishes what it has, and no call fails", async () => {
    const load = computedBy(north, { calls: 1_500 });
    await until("calls run at the node", () => runs(north, "south"));
    assert.equal(await south.stop(), 0);
    await load;
    await until("it left", async () => (await stateOf(north, "south")) === "left");
  });
});
