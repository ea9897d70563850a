// The founder killed while it lets nodes in and records: what it had answered is still true when it is back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeProcess } from "../../src/testing/node-process.js";
import { startMesh, until } from "../mesh/processes.js";

interface AuditLine {
  readonly event: string;
  readonly subject: string;
}

/** Asks for tokens, several at a time, until the node is gone; `answered` are the ids of those that it gave out. */
async function askForTokens(node: NodeProcess, { token, answered }: { token: string; answered: string[] }) {
  const client = node.client(token);
  const headers = { "content-type": "application/json" };
  const ask = async (): Promise<void> => {
    for (;;) {
      const body = '{"role":"invoke"}';
      answered.push((await client.json<{ id: string }>("/v1/tokens", { method: "POST", body, headers })).id);
    }
  };
  await Promise.allSettled(Array.from({ length: 8 }, ask));
}

test("kill -9 of a founder that records: tokens, nodes and the audit log are what it said, and a used join token stays used", async (context) => {
  const mesh = await startMesh(context, ["north"]);
  const { token } = mesh;
  const joinToken = await mesh.joinToken(["--ttl", "1h"]);
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
  const known = new Set((await client.json<{ id: string }[]>("/v1/tokens")).map(({ id }) => id));
  assert.deepEqual(
    answered.filter((id) => !known.has(id)),
    [],
  );
  const nodes = JSON.parse(await mesh.herd(["node", "list", "--json"])) as { name: string }[];
  assert.deepEqual(nodes.map(({ name }) => name).sort(), ["east", "north"]);
  await until("its log has all that it did", async () => {
    const lines = JSON.parse(await mesh.herd(["audit", "list", "--limit", "10000", "--json"])) as AuditLine[];
    const of = (event: string) => lines.filter((line) => line.event === event);
    const created = new Set(of("token.created").map(({ subject }) => subject));
    assert.equal(of("mesh.founded").length, 1);
    assert.equal(of("join.approved").length, 1);
    return answered.every((id) => created.has(id));
  });
  const proof = JSON.parse(await mesh.herd(["audit", "verify", "--json"])) as { ok: boolean; problems: string[] };
  assert.deepEqual(proof.problems, []);
});
