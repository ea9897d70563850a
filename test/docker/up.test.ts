// `herd up --container` with a real engine: the node serves as it would outside, and its wall stands.

import assert from "node:assert/strict";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { deployApp } from "../../src/api/apps.js";
import { listNodes, nodeList } from "../../src/api/nodes.js";
import { narrowed } from "../../src/api/route.js";
import { randomHex } from "../../src/core/ids.js";
import { NodeProcess } from "../../src/testing/node-process.js";
import { readText } from "../source-tree.js";
import { docker, inspect } from "./docker.js";

interface Running {
  readonly HostConfig: {
    readonly ReadonlyRootfs: boolean;
    readonly CapDrop: readonly string[];
    readonly Memory: number;
  };
  readonly Args: readonly string[];
}

test("a node in a container serves this machine, is called from it, and ends with the command", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "herd-up-"));
  const network = `herd-test-${randomHex(4)}`;
  await docker(["network", "create", network]);
  t.after(async () => {
    await docker(["network", "rm", network]);
    await rm(folder, { recursive: true, force: true });
  });
  process.env.HERD_IMAGE = "wasmherd";
  process.env.HERD_CONTAINER_NETWORK = network;
  const state = join(folder, "state");
  const node = await NodeProcess.start(["--container", "--state", state, "--port", "0", "--name", "walled"]);
  t.diagnostic(`from the command to ready: ${Math.round(node.startMs)} ms`);
  try {
    const { token = "", node: name, state: told, url } = node.ready;
    assert.deepEqual([name, told, new URL(url).hostname], ["walled", state, "localhost"]);
    const client = node.client(token);
    const raw = { type: "application/typescript", bytes: readText("functions/thesis.ts") };
    await client.call(deployApp, { parameters: { app: "thesis" }, raw });
    assert.equal((await client.send("/fn/thesis/where", { method: "POST", body: "[1]" })).text, '"walled"');
    const [self] = (await client.call(narrowed(listNodes, nodeList))).json;
    assert.equal(self?.container, true);
    assert.ok(!node.lines.some((line) => /outer wall|no container/.test(line)), node.lines.join("\n"));

    const [id = ""] = (await docker(["ps", "--quiet", "--filter", "label=wasmherd.node"])).trim().split("\n");
    const { HostConfig, Args } = await inspect<Running>(id);
    assert.deepEqual([HostConfig.ReadonlyRootfs, HostConfig.CapDrop], [true, ["ALL"]]);
    assert.ok(HostConfig.Memory > 0 && !Args.includes(token), `${HostConfig.Memory} bytes; ${Args.length} arguments`);
    const { uid } = await stat(join(state, "ca.pem"));
    assert.notEqual(uid, 0, "root on this machine is not who runs the node");
  } finally {
    assert.equal(await node.stop(), 0);
  }
  assert.equal(await docker(["ps", "--all", "--quiet", "--filter", "label=wasmherd.node"]), "");
});
