// The founder killed while it lets nodes in and records: what it had answered is still true when it is back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { audit, auditRecords, auditVerdict } from "../../src/api/audit.js";
import { listNodes, nodeList } from "../../src/api/nodes.js";
import { narrowed } from "../../src/api/route.js";
import { createToken, listTokens } from "../../src/api/tokens.js";
import { NodeProcess } from "../../src/testing/node-process.js";
import { parsedAnswer } from "../contract.js";
import { startMesh, until } from "../harness/processes/processes.js";

/** Asks for tokens, several at a time, until the node is gone; `answered` are the ids of those that it gave out. */
async function askForTokens(node: NodeProcess, { token, answered }: { token: string; answered: string[] }) {
  const client = node.client(token);
  const ask = async (): Promise<void> => {
    for (;;) answered.push((await client.call(createToken, { body: { role: "invoke" } })).json.id);
  };
  await Promise.allSettled(Array.from({ length: 8 }, ask));
}

test("kill -9 of a founder that records: all is as answered, and a used join token stays used", async (context) => {
  const mesh = await startMesh(context, ["north"]);
  const { token } = mesh;
  const joinToken = await mesh.joinToken({ ttlSeconds: 3_600 });
  const url = mesh.founder.ready.url;
  await mesh.add(NodeProcess.launch([...mesh.flags("east"), "--join", url, "--token", joinToken]));
  // In the middle of a write, as likely as not: once right after the join, once under load.
  await mesh.founder.kill();
  const north = await mesh.restart("north");

  const late = NodeProcess.launch([...mesh.flags("south"), "--join", north.ready.url, "--token", joinToken]);
  context.after(() => late.kill());
  assert.equal(await late.exited, 1);
  assert.match(late.lines.join("\n"), /the join token was used up/);

  const answered: string[] = [];
  const asking = askForTokens(north, { token, answered });
  await until("it gives out tokens", async () => answered.length >= 25);
  await north.kill();
  await asking;

  const back = await mesh.restart("north");
  const client = back.client(token);
  const known = new Set((await client.call(listTokens)).json.map(({ id }) => id));
  assert.deepEqual(
    answered.filter((id) => !known.has(id)),
    [],
  );
  const nodes = parsedAnswer(narrowed(listNodes, nodeList), await mesh.herd(["node", "list", "--json"]));
  assert.deepEqual(nodes.map(({ name }) => name).sort(), ["east", "north"]);
  await until("its log has all that it did", async () => {
    const text = await mesh.herd(["audit", "list", "--limit", "10000", "--json"]);
    const lines = parsedAnswer(narrowed(audit, auditRecords), text);
    const of = (event: string) => lines.filter((line) => line.event === event);
    const created = new Set(of("token.created").map(({ subject }) => subject));
    assert.equal(of("mesh.founded").length, 1);
    assert.equal(of("join.approved").length, 1);
    return answered.every((id) => created.has(id));
  });
  const proof = auditVerdict.parse(JSON.parse(await mesh.herd(["audit", "verify", "--json"])));
  assert.deepEqual(proof.problems, []);
});
