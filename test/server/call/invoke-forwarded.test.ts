// Calls that a peer computed, as a client sees them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { HerdError } from "../../../src/core/errors.js";
import {
  type Invocation,
  type InvocationResult,
  type Invoker,
  PeerFailure,
  settle,
} from "../../../src/invoke/invoker.js";
import { invoke } from "../../harness/invoke.js";
import { TestNode } from "../../harness/tls/test-node.js";

const hop = { node: "other", hopMs: 0.25 };
const asked: Invocation[] = [];
let node: TestNode;

/** Everything runs at the peer `other`, as its functions of these names do. */
const away = (local: Invoker): Invoker => {
  const run = async (invocation: Invocation): Promise<InvocationResult> => {
    asked.push(invocation);
    if (invocation.function === "trap") {
      throw new PeerFailure({ code: "function.trapped", detail: "no luck", where: "index.ts:3:1" }, hop);
    }
    if (invocation.function === "overloaded") throw new HerdError("node.overloaded", "other cannot be reached");
    return { ...(await invoke(local, invocation)), hop };
  };
  return { begin: (invocation, end) => settle(run(invocation), end) };
};

before(async () => {
  node = await TestNode.start({ invoker: away });
  node.mesh.add({ id: "ab".repeat(16), name: "other" });
  node.mesh.add({ id: "cd".repeat(16), name: "gone", revoked: true });
  await node.deploy("calc");
});

after(() => node.stop());

const call = (name: string, question = {}) => node.ask(`/fn/calc/${name}`, { method: "POST", ...question });

test("a forwarded call names the node that computed it, its hop, and what the hop took", async () => {
  for (const name of ["echo", "nothing"]) {
    const answer = await call(name, { body: "[1]" });
    assert.equal(answer.status, name === "echo" ? 200 : 204);
    assert.equal(answer.headers["herd-node"], "other");
    assert.equal(answer.headers["herd-hops"], "1");
    assert.match(String(answer.headers["server-timing"]), /^queue;dur=[\d.]+, run;dur=[\d.]+, hop;dur=0\.25$/);
  }
});

test("so does a call that failed there, and not one that reached nobody", async () => {
  const trap = await call("trap");
  assert.equal(trap.status, 500);
  assert.equal(trap.problem().where, "index.ts:3:1");
  assert.equal(trap.headers["herd-node"], "other");
  assert.equal(trap.headers["herd-hops"], "1");
  const nobody = await call("overloaded");
  assert.equal(nobody.status, 503);
  assert.equal(nobody.headers["retry-after"], "1");
  assert.equal(nobody.headers["herd-node"], "test");
  assert.equal(nobody.headers["herd-hops"], "0");
});

test("herd-node names any node of the mesh that is not revoked", async () => {
  assert.equal((await call("echo", { headers: { "herd-node": "other" } })).status, 200);
  assert.equal(asked.at(-1)?.node, "ab".repeat(16));
  assert.equal((await call("echo")).status, 200);
  assert.equal(asked.at(-1)?.node, undefined);
  for (const name of ["gone", "nobody"]) {
    const refused = await call("echo", { headers: { "herd-node": name } });
    assert.equal(refused.status, 404);
    assert.equal(refused.problem().code, "node.unknown");
  }
});
