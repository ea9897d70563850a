// How soon a whole node ends a call at its own limit, and how soon peers see that a laptop runs on battery.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ProblemError } from "../../src/client/errors.js";
import { fakePower, joinLaptop } from "../harness/processes/laptop.js";
import { meshSeenBy, seesAlive, startMesh, until } from "../harness/processes/processes.js";
import { deployText, startNode } from "../harness/tls/real-node.js";
import { belowInSomeRound } from "./measure.js";

test("a call that spins ends at the node's limit of one second, not at the default of five", async (t) => {
  const running = await startNode({ limits: { deadlineMs: 1_000 } });
  t.after(() => running.stop());
  await deployText(running.client, "hostile", "export function spin(): void { while (true) {} }");
  const measure = async (): Promise<number> => {
    const start = performance.now();
    await assert.rejects(
      running.client.send("/fn/hostile/spin", { method: "POST" }),
      (error) => error instanceof ProblemError && error.document.code === "function.deadline",
    );
    return performance.now() - start;
  };
  await belowInSomeRound(t, "the call ended after", { measure, limit: 4_800 });
});

test("peers see within a second that a laptop runs on battery", async (t) => {
  const power = await fakePower(t);
  const mesh = await startMesh(t, ["north", "east"]);
  const { token } = mesh;
  await joinLaptop(mesh, { sys: power.sys, limits: { compileTimeoutMs: 120_000 } });
  const names = ["north", "east", "laptop"];
  for (const node of mesh.nodes) await until(`${node.ready.node} sees all`, () => seesAlive(node, { token, names }));
  const peers = mesh.nodes.filter(({ ready }) => ready.node !== "laptop");
  const seen = (hasSlots: boolean): Promise<number> =>
    until(`its peers see ${hasSlots ? "its" : "no"} slots`, async () => {
      const meshes = await Promise.all(peers.map((node) => meshSeenBy(node, token)));
      return meshes.every(({ peers: all }) => {
        const slots = all.find(({ name }) => name === "laptop")?.slots ?? 0;
        return slots > 0 === hasSlots;
      });
    });
  const measure = async (): Promise<number> => {
    await power.set({ online: true });
    await seen(true);
    await power.set({ online: false });
    return seen(false);
  };
  await belowInSomeRound(t, "both peers saw it after", { measure, limit: 1_000 });
});
