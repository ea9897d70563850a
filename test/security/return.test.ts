// A node that was away for longer than its certificate lives: it comes back by its enrolled key, or says why not and
// what to do.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { type AuditRecord, audit, auditRecords } from "../../src/api/audit.js";
import { joinBody } from "../../src/api/joins.js";
import { narrowed } from "../../src/api/route.js";
import { ProblemError } from "../../src/client/errors.js";
import type { LocalMesh } from "../../src/testing/local-mesh.js";
import { NodeProcess } from "../../src/testing/node-process.js";
import { coded } from "../core/coded.js";
import { deploy, seesAlive, startMesh, until } from "../harness/processes/processes.js";
import { applicant, JoinMesh, returning } from "../harness/tls/join-mesh.js";
import { wasAway } from "./away.js";

const day = 86_400_000;
const names = ["north", "south"];

async function eventsOf(mesh: LocalMesh, event: string): Promise<readonly AuditRecord[]> {
  return (await mesh.founder.client(mesh.token).call(narrowed(audit, auditRecords), { query: { event } })).json;
}

/** The problem that a request ends with. */
async function problemOf(node: NodeProcess, { path, token }: { path: string; token: string }) {
  const error = await node
    .client(token)
    .send(path)
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  assert.ok(error instanceof ProblemError, `no problem: ${error}`);
  return error.document;
}

test("a member that was away longer than its certificate lives", { timeout: 600_000 }, async (context) => {
  const mesh = await startMesh(context, names, { settings: { returnDays: 20 } });
  const [north, first] = mesh.nodes;
  assert.ok(north !== undefined && first !== undefined, "no north, or no first");
  const { state } = first.ready;
  await deploy(north, { app: "demo", text: "export function one(): i32 { return 1; }", token: mesh.token });
  const away = async (days: number): Promise<void> => {
    await mesh.nodes[1]?.stop();
    await wasAway(state, { master: north.ready.state, days });
  };

  await context.test("comes back by its enrolled key alone, serves, and is on record", async () => {
    await away(10);
    const south = await mesh.restart("south");
    await until("it is linked", () => seesAlive(south, { token: mesh.token, names }));
    await until("it serves", async () => (await south.client(mesh.token).send("/fn/demo/one?")).text === "1");
    assert.equal((await south.client(undefined).send("/readyz")).status, 200);
    const [record, ...more] = await eventsOf(mesh, "node.returned");
    assert.match(record?.detail ?? "", /^south from .*: its certificate had ended 10 days ago$/);
    assert.deepEqual(more, []);
  });

  await context.test(
    "later than the window: not ready, says why and what to do, answers 503, and logs little",
    async () => {
      await away(30);
      const south = await mesh.restart("south");
      const why = /locked out.*ended 30 days ago.*for 20 days.*--join URL --token TOKEN/;
      await until("it says why", async () =>
        why.test((await problemOf(south, { path: "/readyz", token: "" })).detail ?? ""),
      );
      const ready = await problemOf(south, { path: "/readyz", token: "" });
      assert.deepEqual([ready.status, ready.code], [503, "node.unavailable"]);
      const call = await problemOf(south, { path: "/fn/demo/one?", token: mesh.token });
      assert.deepEqual([call.status, call.code], [503, "node.unavailable"]);
      assert.match(south.lines.join("\n"), /^not ready: .*locked out/m);
      await new Promise((resolve) => setTimeout(resolve, 8_000));
      for (const node of [north, south]) {
        const about = node.lines.filter(
          (line) => /"level":"(warn|error)"/.test(line) && /refuse|locked out/.test(line),
        );
        assert.ok(about.length <= 6, `${node.ready.node}: ${about.join("\n")}`);
      }
    },
  );

  await context.test(
    "with a join token its identity is used again, and a token of another mesh is told apart",
    async () => {
      await mesh.nodes[1]?.stop();
      const token = await mesh.joinToken();
      const flags = [...mesh.flags("south"), "--join", north.ready.url, "--token", token];
      const south = await mesh.add(NodeProcess.launch(flags));
      context.after(() => south.stop());
      assert.equal(south.ready.node, "south");
      await until("it is linked", () => seesAlive(south, { token: mesh.token, names }));
      assert.match((await eventsOf(mesh, "node.returned")).at(-1)?.by ?? "", /^token /);
      await south.stop();
      const other = await NodeProcess.start([...mesh.flags("east"), "--state", join(state, "..", "other")]);
      await other.stop();
      const wrong = NodeProcess.launch([...flags, "--name", "east", "--state", other.ready.state]);
      assert.equal(await wrong.exited, 2);
      const told = wrong.lines.join("\n");
      assert.ok(told.includes(other.ready.mesh) && told.includes(north.ready.mesh), told);
    },
  );

  await context.test("a revoked node is told that, whatever token it has", async () => {
    await mesh.herd(["node", "revoke", "south"]);
    await wasAway(state, { master: north.ready.state, days: 30 });
    const flags = [...mesh.flags("south"), "--join", north.ready.url, "--token", await mesh.joinToken()];
    const south = NodeProcess.launch(flags);
    assert.equal(await south.exited, 1);
    assert.match(south.lines.join("\n"), /revoked/);
  });
});

test("a request to return is good once, for its signer, by its own clock, and only so often", async () => {
  const mesh = await JoinMesh.found();
  try {
    const { token } = await mesh.token();
    const node = await applicant({ name: "sleeper" });
    const back = returning(node, await mesh.join(node, { token }));
    mesh.clock.shiftMs = 30 * day;
    const bodies: string[] = [];
    const keep = mesh.authority.join.bind(mesh.authority);
    mesh.authority.join = async (body, origin) => {
      bodies.push(JSON.stringify(body));
      return keep(body, origin);
    };
    assert.equal((await mesh.join(back)).nodeName, "sleeper");
    const body = joinBody.parse(JSON.parse(bodies[0] ?? ""));
    const origin = { address: "127.0.0.1", arrivedAt: mesh.identity.nodeId };
    await assert.rejects(keep(body, origin), coded("join.refused", /was used before/));
    const later = {
      ...body,
      signed: { ...body.signed, payload: body.signed.payload.replace(/"at":\d+/, `"at":${Date.now() + 30 * day + 5}`) },
    };
    await assert.rejects(keep(later, origin), coded("join.refused", /not signed with the key/));
    mesh.clock.shiftMs = 31 * day;
    await assert.rejects(keep(body, origin), coded("join.refused", /clock of the joining machine is 24 hours behind/));
    let returned = 0;
    await assert.rejects(async () => {
      for (; returned < 20; returned++) await mesh.join(back, { signal: AbortSignal.timeout(15_000) });
    });
    assert.ok(returned >= 5 && returned < 12, `${returned} returns at once`);
  } finally {
    await mesh.stop();
  }
});
