// A master's state folder as a thief of single files finds it: now, earlier, and that of another mesh.

import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { showMesh } from "../../src/api/mesh.js";
import { revokeNode } from "../../src/api/nodes.js";
import type { AnswerJson, SentBodyOf } from "../../src/api/route.js";
import { createToken, revokeToken } from "../../src/api/tokens.js";
import { Client } from "../../src/client/client.js";
import { ProblemError } from "../../src/client/errors.js";
import { deployText, type RealNode, startNode } from "../harness/tls/real-node.js";

/** Folders (each with `state` in it) of one master, and what must hold whatever becomes of single files. */
export interface Scene {
  /** Before tokens and a node were revoked. */
  readonly early: string;
  readonly late: string;
  /** Of another mesh. */
  readonly foreign: string;
  readonly goodToken: string;
  readonly revokedToken: string;
  readonly revokedNode: string;
  remove(): Promise<void>;
}

/** Makes the folders with real nodes. */
export async function makeScene(): Promise<Scene> {
  const root = await mkdtemp(join(tmpdir(), "herd-tampered-"));
  const at = (name: string): string => join(root, name);
  const other = await startNode({ name: "other" }, at("foreign"));
  await deployText(other.client, "demo", "export function f(): i32 { return 3; }");
  await other.node.stop();
  const first = await startNode({}, at("early"));
  await deployText(first.client, "demo", "export function f(): i32 { return 1; }");
  const create = async (
    client: Client,
    body: SentBodyOf<typeof createToken>,
  ): Promise<AnswerJson<typeof createToken>> => (await client.call(createToken, { body })).json;
  const revoked = await create(first.client, { role: "admin" });
  const joining = await create(first.client, { role: "join" });
  const east = await startNode({ name: "east", join: first.ready.url, token: joining.token }, at("east"));
  await east.node.stop();
  await first.node.stop();
  await cp(at("early"), at("late"), { recursive: true });
  const again = await startNode({}, at("late"));
  await again.client.call(revokeToken, { parameters: { id: revoked.id } });
  const reusable = await create(again.client, { role: "join", uses: 3 });
  await again.client.call(revokeToken, { parameters: { id: reusable.id } });
  await again.client.call(revokeNode, { parameters: { node: "east" } });
  await deployText(again.client, "demo", "export function f(): i32 { return 2; }");
  const { token: goodToken } = await create(again.client, { role: "admin" });
  await again.node.stop();
  return {
    early: at("early"),
    late: at("late"),
    foreign: at("foreign"),
    goodToken,
    revokedToken: revoked.token,
    revokedNode: "east",
    remove: () => rm(root, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** Paths in a state folder of every sealed file. */
export async function sealedFiles(folder: string): Promise<string[]> {
  const entries = await readdir(join(folder, "state"), { recursive: true });
  return entries.filter((entry) => entry.endsWith(".sealed")).sort();
}

/** Ways to spoil one file; `false` where this one does not apply. */
export const tamperings: Readonly<
  Record<string, (file: { path: string; at: (folder: string) => string }, scene: Scene) => Promise<boolean>>
> = {
  deleted: async ({ path }) => {
    await rm(path);
    return true;
  },
  older: async ({ path, at }, { early }) => {
    const [now, before] = [await readFile(path), await readFile(at(early)).catch(() => undefined)];
    if (before === undefined || before.equals(now)) return false;
    await writeFile(path, before);
    return true;
  },
  foreign: async ({ path, at }, { foreign }) => {
    const any = join(foreign, "state", "identity", "identity.sealed");
    await writeFile(path, await readFile(at(foreign)).catch(() => readFile(any)));
    return true;
  },
  damaged: async ({ path }) => {
    const content = await readFile(path);
    content[content.length >> 1] = (content[content.length >> 1] ?? 0) ^ 1;
    await writeFile(path, content);
    return true;
  },
};

/** Runs with a copy of the late folder in which one file was spoilt; `false` when it could not be. */
export async function tampered(
  scene: Scene,
  { file, how }: { readonly file: string; readonly how: string },
  run: (folder: string) => Promise<void>,
): Promise<boolean> {
  const copy = await mkdtemp(join(tmpdir(), "herd-tampered-copy-"));
  try {
    await cp(scene.late, copy, { recursive: true });
    const at = (folder: string): string => join(folder, "state", file);
    if (!(await tamperings[how]?.({ path: at(copy), at }, scene))) return false;
    await run(copy);
    return true;
  } finally {
    await rm(copy, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** What a node that runs has: whether the tokens and the node are as they should be. */
export async function standing({ ready }: RealNode, scene: Scene): Promise<Record<string, unknown>> {
  const ca = await readFile(ready.ca, "utf8");
  const clientOf = (token: string): Client => new Client({ url: new URL(ready.url), token, ca });
  const status = (token: string): Promise<number> =>
    clientOf(token)
      .send("/v1/apps")
      .then(
        () => 200,
        (error: unknown) => (error instanceof ProblemError ? error.document.status : 0),
      );
  const { revoked } = (await clientOf(scene.goodToken).call(showMesh)).json;
  return { good: await status(scene.goodToken), revoked: await status(scene.revokedToken), nodes: revoked };
}
