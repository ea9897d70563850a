// Ten node processes: each sees all others, has every deploy, and answers calls.
import assert from "node:assert/strict";
import { test } from "node:test";
import { call, deploy, seesAlive, startMesh, until } from "../harness/processes/processes.js";

test("a mesh of ten: all see each other, a deploy reaches all, and each answers for it", async (context) => {
  const names = Array.from({ length: 10 }, (_none, index) => `node-${index}`);
  const mesh = await startMesh(context, names);
  const { token } = mesh;
  for (const node of mesh.nodes) {
    await until(`${node.ready.node} sees all`, () => seesAlive(node, { token, names }));
  }
  const text = "export function square(n: f64): f64 { return n * n; }";
  const last = mesh.nodes.at(-1);
  assert.ok(last, "no last");
  const { nodes } = await deploy(last, { app: "square", text, token });
  assert.ok(nodes.length > 1, "acknowledged by more than one");
  for (const node of mesh.nodes) {
    await until(`${node.ready.node} answers`, async () => {
      return (await call(node, { path: "square/square", body: "[1.5]", token })).text === "2.25";
    });
  }
});
