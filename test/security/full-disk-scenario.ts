// What a mesh of two meets when the disk of its master fills up and is freed again; the disk is the caller's.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { listApps } from "../../src/api/apps.js";
import { audit, auditRecords } from "../../src/api/audit.js";
import { showMesh } from "../../src/api/mesh.js";
import { type AnswerJson, narrowed, type SentBodyOf } from "../../src/api/route.js";
import { createToken } from "../../src/api/tokens.js";
import { Client } from "../../src/client/client.js";
import { ProblemError } from "../../src/client/errors.js";
import { callText, deployText, type RealNode, startNode } from "../harness/tls/real-node.js";

/** A disk that can be filled; `folder` is on it, `elsewhere` is not. */
export interface FillableDisk {
  readonly folder: string;
  readonly elsewhere: string;
  fill(): Promise<void>;
  free(): Promise<void>;
}

/** What was seen, by step. */
export type Seen = Record<string, unknown>;

const json = { "content-type": "application/json" };

/** Runs the scenario. */
export async function fullDisk(disk: FillableDisk): Promise<Seen> {
  const seen: Seen = {};
  const master = await startNode({}, disk.folder);
  await deployText(master.client, "demo", "export function f(): i32 { return 1; }");
  await deployText(master.client, "spare", "export function f(): i32 { return 5; }");
  const first = await token(master, { role: "admin" });
  const second = await token(master, { role: "invoke" });
  const join1 = await token(master, { role: "join", uses: 2 });
  const east = await startNode({ name: "east", join: master.ready.url, token: join1.token }, disk.elsewhere);
  const blobs = await files(disk, /blob-/);
  await disk.fill();
  seen.revokeToken = await answer(master, `/v1/tokens/${first.id}`, { method: "DELETE" });
  seen.revokedToken = await use(master, first.token);
  seen.revokeJoin = await answer(master, `/v1/tokens/${join1.id}`, { method: "DELETE" });
  seen.deploy = await answer(master, "/v1/apps/demo", {
    method: "PUT",
    body: "export function f(): i32 { return 2; }",
    headers: { "content-type": "text/plain" },
  });
  seen.create = await answer(master, "/v1/tokens", { method: "POST", body: '{"role":"invoke"}', headers: json });
  seen.call = await callText(master.client, "demo/f", "[]");
  seen.ready = (await master.client.send("/readyz")).text;
  // The revocation of the token is known where the disk is not full.
  seen.spread = await settled(async () => (await use(east, first.token)) === 401);
  seen.revokeNode = await answer(master, "/v1/nodes/east/revoke", { method: "POST" });
  seen.nodes = (await master.client.call(showMesh)).json.revoked;
  seen.orphans = (await files(disk, /blob-/)).length - blobs.length;
  seen.leftovers = await files(disk, /\.tmp$/);
  seen.remove = await answer(master, "/v1/apps/spare", { method: "DELETE" });
  seen.removed = await answer(master, "/fn/spare/f", { method: "POST", body: "[]", headers: json });
  seen.freed = blobs.length - (await files(disk, /blob-/)).length;
  await east.node.stop();
  await disk.free();
  seen.written = await settled(async () => (await master.client.send("/readyz")).text === "ready\n");
  await master.node.stop();

  await disk.fill();
  const full = await startNode({}, disk.folder);
  seen.startCall = await callText(full.client, "demo/f", "[]");
  seen.startReady = (await full.client.send("/readyz")).text;
  seen.stillRevoked = await use(full, first.token);
  await answer(full, `/v1/tokens/${second.id}`, { method: "DELETE" });
  seen.secondRevoked = await use(full, second.token);
  await disk.free();
  // Written at the latest when the node stops.
  await full.node.stop();
  const again = await startNode({}, disk.folder);
  seen.after = [await use(again, first.token), await use(again, second.token)];
  seen.afterApps = (await again.client.call(listApps)).json.map(({ app }) => app);
  seen.afterNodes = (await again.client.call(showMesh)).json.revoked;
  const { json: records } = await again.client.call(narrowed(audit, auditRecords));
  const told = records.filter(({ event }) => /revoked/.test(event)).map(({ event, subject }) => `${event} ${subject}`);
  const ids = [`token.revoked ${first.id}`, `token.revoked ${second.id}`, `token.revoked ${join1.id}`];
  seen.audit = [...ids.map((each) => told.includes(each)), told.some((each) => each.startsWith("node.revoked"))];
  seen.deployAfter = (await deployText(again.client, "demo", "export function f(): i32 { return 3; }")).revision.length;
  await again.node.stop();
  return seen;
}

async function token(
  { client }: RealNode,
  body: SentBodyOf<typeof createToken>,
): Promise<AnswerJson<typeof createToken>> {
  return (await client.call(createToken, { body })).json;
}

/** Status, and what an answer says of the disk. */
async function answer(
  { client }: RealNode,
  path: string,
  options: { method: "POST" | "PUT" | "DELETE"; body?: string; headers?: Record<string, string> },
): Promise<readonly unknown[]> {
  try {
    const { status, headers, text } = await client.send(path, options);
    const body: { durable?: unknown } = text === "" ? {} : JSON.parse(text);
    return [status, headers["herd-durable"], body.durable ?? null];
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return [error.document.status, error.document.code, error.document.detail];
  }
}

/** The status of a request with a token. */
async function use({ ready }: RealNode, text: string): Promise<number> {
  const client = new Client({ url: new URL(ready.url), token: text, ca: await readFile(ready.ca, "utf8") });
  return client.send("/v1/apps").then(
    ({ status }) => status,
    (error: unknown) => (error instanceof ProblemError ? error.document.status : 0),
  );
}

async function settled(isSo: () => Promise<boolean>): Promise<boolean> {
  for (let tries = 0; tries < 200; tries++) {
    if (await isSo().catch(() => false)) return true;
    await sleep(100);
  }
  return false;
}

async function files({ folder }: FillableDisk, pattern: RegExp): Promise<string[]> {
  return (await readdir(join(folder, "state"), { recursive: true })).filter((name) => pattern.test(name));
}
