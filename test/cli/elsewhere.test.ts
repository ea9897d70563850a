// The command line and a node that is not the one of its state folder, or whose name this machine does not know.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { NodeProcess, runHerd } from "../../src/testing/node-process.js";
import { startMesh } from "../harness/processes/processes.js";

test("the URL of another node gets the state folder's root and token, another mesh does not", async (context) => {
  const mesh = await startMesh(context, ["north", "south"]);
  const [north, south] = mesh.nodes;
  const state = ["--state", north?.ready.state ?? ""];
  const listed = JSON.parse(await runHerd(["node", "list", "--json", ...state, "--url", south?.ready.url ?? ""]));
  assert.deepEqual(listed.map(({ name }: { name: string }) => name).toSorted(), ["north", "south"]);
  assert.equal(listed[0].name, "south", "it was asked, and puts itself first");
  const folder = await mkdtemp(join(tmpdir(), "herd-elsewhere-"));
  context.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const flags = ["--state", join(folder, "other"), "--port", "0", "--peer-port", "0", "--workers", "1"];
  const other = await NodeProcess.start([...flags, "--name", "other", "--advertise", "nobody-has-this-name.local"]);
  context.after(() => other.stop());
  const url = other.ready.url.replace("nobody-has-this-name.local", "localhost");
  await assert.rejects(runHerd(["node", "list", "--json", ...state, "--url", url]), /not trusted/);
  const ca = join(folder, "other-ca.pem");
  await writeFile(ca, other.ca);
  await assert.rejects(runHerd(["node", "list", "--json", ...state, "--url", url, "--ca", ca]), /token/);
  // Its own command line does without the name, but not without the name's certificate.
  const own = JSON.parse(await runHerd(["node", "list", "--json", "--state", other.ready.state]));
  assert.deepEqual(
    own.map(({ name }: { name: string }) => name),
    ["other"],
  );
});
