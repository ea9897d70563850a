// A node's identity as files: the mesh it belongs to, and the keys that a master holds.

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { Clock } from "../core/clock.js";
import { HerdError } from "../core/errors.js";
import { randomHex } from "../core/ids.js";
import type { StateFiles } from "../core/state-files.js";
import { foundRoot, meshIdOf } from "./root.js";
import { tokenKey } from "./tokens.js";

const version = 1;
const files = { identity: "identity", rootKey: "root-key", tokenKey: "token-key" } as const;
const keyFiles = [files.rootKey, files.tokenKey] as const;

/** Who a node is: its mesh (id and root certificate in PEM), its own id and name, and the keys of the mesh. */
export interface MeshIdentity {
  readonly meshId: string;
  readonly nodeId: string;
  readonly nodeName: string;
  readonly rootCertificate: string;
  readonly rootKey: KeyObject;
  readonly tokenKey: KeyObject;
}

/** The stored identity; `undefined` when there is none. Throws `internal` naming the file that is damaged or missing. */
export async function loadIdentity(store: StateFiles): Promise<MeshIdentity | undefined> {
  const record = await store.read(files.identity);
  if (record === undefined) {
    const [leftover] = (await store.list()).filter((name) => !(keyFiles as readonly string[]).includes(name));
    if (leftover === undefined) return undefined;
    // Only a mesh that was founded has more than keys.
    const there = `${store.describe(leftover)} is there`;
    throw new HerdError("internal", `${store.describe(files.identity)} is missing, but ${there}`);
  }
  const { nodeId, nodeName, rootCertificate } = parse(record, store);
  const rootKey = await loadKey(store, files.rootKey);
  if (!new X509Certificate(rootCertificate).checkPrivateKey(rootKey)) {
    throw new HerdError("internal", `${store.describe(files.rootKey)} is not the key of this mesh's root`);
  }
  const token = await loadKey(store, files.tokenKey);
  return { meshId: meshIdOf(rootCertificate), nodeId, nodeName, rootCertificate, rootKey, tokenKey: token };
}

/**
 * Founds a mesh and stores it. The record goes last and is what counts: a crash before it leaves keys that no
 * mesh has, and the next founding replaces them.
 */
export async function foundIdentity(
  store: StateFiles,
  options: { nodeName: string; domains: readonly string[]; clock: Clock },
): Promise<MeshIdentity> {
  const [root, token] = await Promise.all([foundRoot(options), tokenKey()]);
  const { nodeName } = options;
  const nodeId = randomHex(16);
  await store.write(files.rootKey, root.key.export({ type: "pkcs8", format: "der" }));
  await store.write(files.tokenKey, token.export({ type: "pkcs8", format: "der" }));
  const record = { version, nodeId, nodeName, rootCertificate: root.certificate };
  await store.write(files.identity, JSON.stringify(record));
  return {
    meshId: root.meshId,
    nodeId,
    nodeName,
    rootCertificate: root.certificate,
    rootKey: root.key,
    tokenKey: token,
  };
}

async function loadKey(store: StateFiles, name: string): Promise<KeyObject> {
  const key = await store.read(name);
  if (key === undefined) throw new HerdError("internal", `${store.describe(name)} is missing, but the mesh needs it`);
  return createPrivateKey({ key, type: "pkcs8", format: "der" });
}

function parse(record: Buffer, store: StateFiles): { nodeId: string; nodeName: string; rootCertificate: string } {
  // The file is authenticated, so only another version of this program can have written another shape.
  const value = JSON.parse(record.toString("utf8")) as Record<string, unknown>;
  const { nodeId, nodeName, rootCertificate } = value;
  if (
    value.version !== version ||
    typeof nodeId !== "string" ||
    typeof nodeName !== "string" ||
    typeof rootCertificate !== "string"
  ) {
    throw new HerdError("internal", `${store.describe(files.identity)} was written by another version`);
  }
  return { nodeId, nodeName, rootCertificate };
}
