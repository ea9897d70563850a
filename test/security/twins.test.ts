// Two processes with one identity, as when a machine was cloned, find each other out; a restart is none of that.

import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { audit, auditRecords } from "../../src/api/audit.js";
import { listNodes, nodeList } from "../../src/api/nodes.js";
import { narrowed } from "../../src/api/route.js";
import { ProblemError } from "../../src/client/errors.js";
import { makeEnrolledKey, signerOf } from "../../src/pki/identity/enrolled-key.js";
import { livenessProof, readLivenessProof } from "../../src/pki/identity/liveness-proof.js";
import { verifySigned } from "../../src/pki/registry/records.js";
import { NodeProcess } from "../../src/testing/node-process.js";
import { meshSeenBy, seesAlive, startMesh, until } from "../harness/processes/processes.js";

const names = ["north", "south"];

test("a copy of a state folder that runs beside its origin", { timeout: 600_000 }, async (context) => {
  const mesh = await startMesh(context, names);
  const { token } = mesh;
  const [north] = mesh.nodes;
  assert.ok(north !== undefined, "no north");
  const inList = async () => {
    const { json: nodes } = await north.client(token).call(narrowed(listNodes, nodeList));
    return nodes.find(({ name }) => name === "south");
  };
  const twinsOf = async () => (await inList())?.twins ?? [];
  const addressOf = async () => (await inList())?.address;
  const onRecord = async () => {
    const query = { event: "node.duplicated" };
    return (await north.client(token).call(narrowed(audit, auditRecords), { query })).json;
  };
  const readyz = (node: NodeProcess) =>
    node
      .client(undefined)
      .send("/readyz")
      .then(
        () => "ready",
        (error: unknown) => (error instanceof ProblemError ? (error.document.detail ?? "") : Promise.reject(error)),
      );

  await context.test("a restart in order, a kill -9 and a frozen process are no second process", async () => {
    let south = await mesh.restart("south");
    await until("it is back", () => seesAlive(north, { token, names }));
    await south.kill();
    south = await mesh.restart("south");
    await until("it is back again", () => seesAlive(north, { token, names }));
    south.freeze();
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    south.thaw();
    await until("it goes on", () => seesAlive(north, { token, names }));
    assert.equal(await readyz(south), "ready");
    assert.deepEqual(await twinsOf(), []);
    assert.deepEqual(await onRecord(), []);
    assert.doesNotMatch(north.lines.join("\n"), /two processes/);
  });

  await context.test(
    "both say so with the other's address, the later one is kept, and a master writes it down",
    async () => {
      const south = mesh.nodes[1];
      assert.ok(south !== undefined, "no south");
      const copy = `${south.ready.state}-copy`;
      await cp(south.ready.state, copy, { recursive: true });
      await rm(join(copy, "lock"), { force: true });
      const twin = await NodeProcess.start([...mesh.flags("south"), "--state", copy]);
      context.after(() => twin.stop());
      await until("the first one says so", async () =>
        south.lines.some((line) => line.includes(twin.ready.peer) && /another process/.test(line)),
      );
      await until("the second one says so", async () =>
        twin.lines.some((line) => line.includes(south.ready.peer) && /another process/.test(line)),
      );
      await until("the earlier one is not ready", async () =>
        /another process.*refuse this one/.test(await readyz(south)),
      );
      assert.equal(await readyz(twin), "ready");
      assert.deepEqual((await twinsOf()).toSorted(), [south.ready.peer, twin.ready.peer].toSorted());
      const records = await onRecord();
      assert.equal(records.length, 1);
      assert.match(records[0]?.detail ?? "", new RegExp(`kept ${twin.ready.peer}, refused ${south.ready.peer}`));
      // Its neighbour keeps the same one, however often the other comes back.
      await new Promise((resolve) => setTimeout(resolve, 15_000));
      const { peers } = await meshSeenBy(north, token);
      assert.deepEqual(
        peers.map(({ name }) => name),
        ["south"],
      );
      await until("its address is that of the later one", async () => (await addressOf()) === twin.ready.peer);
      assert.equal((await onRecord()).length, 1);
      const lines = north.lines.filter((line) => /two processes/.test(line));
      assert.ok(lines.length <= 2, lines.join("\n"));
      // When the later one ends, the earlier one is taken again.
      await twin.stop();
      await until("the earlier one is back", async () => {
        return (await addressOf()) === south.ready.peer && (await readyz(south)) === "ready";
      });
    },
  );
});

test("a proof is of one process, one identity and one other process, and nothing else", async () => {
  const [key, stranger] = [await makeEnrolledKey(), await makeEnrolledKey()];
  const [signer, other] = [signerOf(key), signerOf(stranger)];
  const [mesh, saw] = ["a".repeat(32), "1".repeat(32)];
  const own = { instance: "2".repeat(32), started: 5, address: "10.0.0.1:8444" };
  const verify = (signed: Parameters<typeof verifySigned>[0]) => verifySigned(signed, createPublicKey(key));
  const expected = { mesh, node: signer.nodeId, saw, verify };
  const proof = livenessProof(own, { mesh, signer, saw });
  assert.deepEqual(readLivenessProof(proof, expected), own);
  assert.equal(readLivenessProof(proof, { ...expected, saw: "3".repeat(32) }), undefined, "it knew of another process");
  assert.equal(readLivenessProof(proof, { ...expected, mesh: "b".repeat(32) }), undefined);
  assert.equal(readLivenessProof(proof, { ...expected, node: other.nodeId }), undefined);
  assert.equal(
    readLivenessProof(livenessProof(own, { mesh, signer: other, saw }), expected),
    undefined,
    "signed by a stranger",
  );
  assert.equal(readLivenessProof(proof.replace("10.0.0.1", "10.0.0.2"), expected), undefined, "changed on its way");
  assert.equal(readLivenessProof("{}", expected), undefined);
});
