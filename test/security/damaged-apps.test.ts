// Files of the catalog that are missing or damaged: peers give them back by themselves, and a node alone names the app
// and runs others.

import assert from "node:assert/strict";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { listApps } from "../../src/api/apps.js";
import { createToken } from "../../src/api/tokens.js";
import { Client } from "../../src/client/client.js";
import { ProblemError } from "../../src/client/errors.js";
import { callText, deployText, type RealNode, startNode as start } from "../harness/tls/real-node.js";

const returns = (value: number): string => `export function f(): i32 { return ${value}; }`;

async function inFolder(run: (at: (name: string) => string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "herd-damaged-"));
  try {
    await run((name) => join(root, name));
  } finally {
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A node that ends with its test, however that ends. */
async function startNode(
  context: TestContext,
  flags: Readonly<Record<string, unknown>>,
  folder: string,
): Promise<RealNode> {
  const node = await start(flags, folder);
  context.after(() => node.node.stop());
  return node;
}

/** Paths of the catalog's files whose names begin so. */
async function catalogFiles(folder: string, prefix: string): Promise<string[]> {
  const directory = join(folder, "state", "catalog");
  return (await readdir(directory)).filter((name) => name.startsWith(prefix)).map((name) => join(directory, name));
}

/** Has a node deploy the apps `good` (1) and `bad` (2) and stop; the paths of the catalog's files of `bad`. */
async function leaveTwoApps(context: TestContext, folder: string): Promise<string[]> {
  const node = await startNode(context, {}, folder);
  await deployText(node.client, "good", returns(1));
  const before = new Set(await catalogFiles(folder, ""));
  await deployText(node.client, "bad", returns(2));
  await node.node.stop();
  return (await catalogFiles(folder, "")).filter((path) => !before.has(path));
}

async function damage(path: string): Promise<void> {
  const content = await readFile(path);
  content[content.length >> 1] = (content[content.length >> 1] ?? 0) ^ 1;
  await writeFile(path, content);
}

async function failure(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "none",
    (error: unknown) => (error instanceof ProblemError ? `${error.document.status} ${error.document.code}` : "other"),
  );
}

/** Waits until a call has that result. */
async function eventually({ client }: Pick<RealNode, "client">, path: string, wanted: string): Promise<void> {
  let last: string | undefined;
  for (let tries = 0; tries < 300 && last !== wanted; tries++) {
    // An older revision may answer until the bytes of the newest are there.
    last = await callText(client, path, "[]").catch(() => undefined);
    if (last !== wanted) await sleep(100);
  }
  assert.equal(last, wanted, path);
}

test("alone, a damaged app is named and refused, others run, and deploying it again mends it", {
  timeout: 300_000,
}, async (context) => {
  await inFolder(async (at) => {
    const ofBad = await leaveTwoApps(context, at("whole"));
    assert.equal(ofBad.length, 3, "its manifests, its component, its source");
    for (const spoil of [rm, damage]) {
      await rm(at("spoilt"), { recursive: true, force: true });
      await cp(at("whole"), at("spoilt"), { recursive: true });
      for (const path of ofBad) await spoil(path.replace(at("whole"), at("spoilt")));
      const spoilt = await startNode(context, {}, at("spoilt"));
      assert.equal(await callText(spoilt.client, "good/f", "[]"), "1");
      assert.equal(await failure(callText(spoilt.client, "bad/f", "[]")), "503 node.unavailable");
      assert.equal(await failure(callText(spoilt.client, "nobody/f", "[]")), "404 app.unknown");
      await deployText(spoilt.client, "new", returns(4));
      await deployText(spoilt.client, "bad", returns(3));
      assert.equal(await callText(spoilt.client, "bad/f", "[]"), "3");
      await spoilt.node.stop();
      const again = await startNode(context, {}, at("spoilt"));
      for (const [app, value] of [
        ["good", "1"],
        ["new", "4"],
        ["bad", "3"],
      ] as const) {
        assert.equal(await callText(again.client, `${app}/f`, "[]"), value);
      }
      await again.node.stop();
    }
  });
});

test("an app whose component is damaged is in the list of apps, with the reason", {
  timeout: 300_000,
}, async (context) => {
  await inFolder(async (at) => {
    const ofBad = await leaveTwoApps(context, at("whole"));
    const reasons: unknown[] = [];
    for (const path of ofBad) {
      if (reasons.includes("node.unavailable")) continue;
      await rm(at("spoilt"), { recursive: true, force: true });
      await cp(at("whole"), at("spoilt"), { recursive: true });
      await damage(path.replace(at("whole"), at("spoilt")));
      const spoilt = await startNode(context, {}, at("spoilt"));
      const { json: apps } = await spoilt.client.call(listApps);
      assert.equal(apps.find(({ app }) => app === "good")?.functions.length, 1);
      reasons.push(apps.find(({ app }) => app === "bad")?.unlisted?.code);
      await spoilt.node.stop();
    }
    assert.ok(reasons.includes("node.unavailable"), String(reasons));
  });
});

test("in a mesh, what is missing or damaged comes back from a peer by itself, and stays", {
  timeout: 300_000,
}, async (context) => {
  await inFolder(async (at) => {
    const north = await startNode(context, { name: "north" }, at("north"));
    await deployText(north.client, "first", returns(1));
    await deployText(north.client, "first", returns(2));
    await deployText(north.client, "second", returns(3));
    const { token } = (await north.client.call(createToken, { body: { role: "join" } })).json;
    const east = await startNode(context, { name: "east", join: north.ready.url, token }, at("east"));
    const ca = await readFile(east.ready.ca, "utf8");
    const atEast = new Client({ url: new URL(east.ready.url), token: north.ready.token, ca });
    await eventually({ client: atEast }, "first/f", "2");
    await eventually({ client: atEast }, "second/f", "3");
    await north.node.stop();
    for (const [index, path] of (await catalogFiles(at("north"), "")).entries()) {
      if (index % 2 === 0) await damage(path);
      else await rm(path);
    }
    // At its old place, where the other one looks for it.
    const ports = { port: Number(new URL(north.ready.url).port), peerPort: Number(north.ready.peer.split(":")[1]) };
    const mended = await startNode(context, { name: "north", ...ports }, at("north"));
    await eventually(mended, "first/f", "2");
    await eventually(mended, "second/f", "3");
    await east.node.stop();
    await mended.node.stop();
    const alone = await startNode(context, { name: "north" }, at("north"));
    assert.equal(await callText(alone.client, "first/f", "[]"), "2");
    assert.equal(await callText(alone.client, "second/f", "[]"), "3");
    await alone.node.stop();
  });
});
