// A node's identity as files: its enrolled key, the root's key if it founded the mesh, and one record of everything
// else.

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { HerdError } from "../../core/errors.js";
import type { StateFiles } from "../../storage/state-files.js";
import { meshIdOf } from "../x509/root.js";
import { makeEnrolledKey, nodeIdOf, publicKeyOfText, publicKeyText } from "./enrolled-key.js";
import { decodeRootKey, encodeRootKey, needsPassphrase } from "./root-key.js";

const version = 2;
const files = { identity: "identity", rootKey: "root-key", enrolledKey: "enrolled-key" } as const;
/** What a founding or a join that was interrupted leaves behind. */
const keyFiles: readonly string[] = [files.rootKey, files.enrolledKey];

/** What only a master has: its CA certificate (PEM) and that one's key, and the mesh's private token key. */
export interface MasterKeys {
  readonly certificate: string;
  readonly key: KeyObject;
  readonly tokenKey: KeyObject;
}

/** A certificate chain and its key, in PEM. */
export interface LeafText {
  readonly certificate: string;
  readonly key: string;
}

/** The identity of a node: its mesh, its own key and name, and what depends on them. */
export interface MeshIdentity {
  readonly meshId: string;
  readonly rootCertificate: string;
  readonly enrolledKey: KeyObject;
  readonly nodeId: string;
  readonly nodeName: string;
  readonly tokenPublicKey: KeyObject;
  readonly master: MasterKeys | undefined;
  /** Whether it may deploy; what counts for others is the mark in its peer leaf. */
  readonly deploy: boolean;
  /** Whether the root's key is in the state. */
  readonly holdsRoot: boolean;
  /** Texts of the signed records that introduce the node and its masters. */
  readonly records: readonly string[];
  /** The leaves that a join brought; later ones have files of their own. */
  readonly leaves: { readonly peer: LeafText; readonly public: LeafText } | undefined;
}

/**
 * The stored identity; `undefined` when there is none. Throws `internal` naming the file that is damaged or missing.
 */
export async function loadIdentity(store: StateFiles): Promise<MeshIdentity | undefined> {
  const record = await store.read(files.identity);
  if (record === undefined) {
    const [leftover] = (await store.list()).filter((name) => !keyFiles.includes(name));
    if (leftover === undefined) return undefined;
    // Only a node that is in a mesh has more than keys.
    const there = `${store.describe(leftover)} is there`;
    throw new HerdError("internal", `${store.describe(files.identity)} is missing, but ${there}`);
  }
  const enrolledKey = await loadEnrolledKey(store);
  if (enrolledKey === undefined) throw missing(store, files.enrolledKey);
  const identity = parse(record, { store, enrolledKey });
  if (identity.holdsRoot) await checkRootKey(store, identity.rootCertificate);
  return identity;
}

/**
 * Stores an identity. It is there from when this resolves; a crash before leaves keys, which the next attempt uses or
 * replaces.
 */
export async function storeIdentity(store: StateFiles, identity: MeshIdentity): Promise<void> {
  const { nodeId, nodeName, rootCertificate, tokenPublicKey, master, deploy, holdsRoot, records, leaves } = identity;
  const record = {
    version,
    nodeId,
    nodeName,
    rootCertificate,
    tokenPublicKey: publicKeyText(tokenPublicKey),
    deploy,
    holdsRoot,
    records,
    ...(leaves === undefined ? {} : { leaves }),
    ...(master === undefined ? {} : { master: masterRecord(master) }),
  };
  await store.write(files.identity, JSON.stringify(record));
}

/**
 * The node's enrolled key, made and stored when there is none. It is there before anybody hears of it, so that a join
 * whose answer was lost is repeated as the same node.
 */
export async function keepEnrolledKey(store: StateFiles): Promise<KeyObject> {
  const known = await loadEnrolledKey(store);
  if (known !== undefined) return known;
  const key = await makeEnrolledKey();
  await store.write(files.enrolledKey, derOf(key));
  return key;
}

/** Stores the root's key, encrypted under the passphrase if there is one. */
export async function storeRootKey(store: StateFiles, key: KeyObject, passphrase: string | undefined): Promise<void> {
  await store.write(files.rootKey, await encodeRootKey(key, passphrase));
}

/**
 * The root's key. Throws `state.conflict` when its passphrase is missing or wrong, and `internal` for a missing or
 * foreign key.
 */
export async function loadRootKey(
  store: StateFiles,
  { rootCertificate, passphrase }: { rootCertificate: string; passphrase: string | undefined },
): Promise<KeyObject> {
  const content = await store.read(files.rootKey);
  if (content === undefined) throw missing(store, files.rootKey);
  const key = await decodeRootKey(content, passphrase);
  if (!new X509Certificate(rootCertificate).checkPrivateKey(key)) {
    throw new HerdError("internal", `${store.describe(files.rootKey)} is not the key of this mesh's root`);
  }
  return key;
}

/**
 * Encrypts a root key that has no passphrase yet; checks it against the passphrase when it has one. Throws as {@link
 * loadRootKey}.
 */
export async function protectRootKey(
  store: StateFiles,
  options: { rootCertificate: string; passphrase: string },
): Promise<void> {
  const key = await loadRootKey(store, options);
  const content = await store.read(files.rootKey);
  if (content !== undefined && !needsPassphrase(content)) await storeRootKey(store, key, options.passphrase);
}

/** Without a passphrase at hand nothing but the file's presence and wholeness can be seen. */
async function checkRootKey(store: StateFiles, rootCertificate: string): Promise<void> {
  const content = await store.read(files.rootKey);
  if (content === undefined) throw missing(store, files.rootKey);
  if (!needsPassphrase(content)) await loadRootKey(store, { rootCertificate, passphrase: undefined });
}

async function loadEnrolledKey(store: StateFiles): Promise<KeyObject | undefined> {
  const key = await store.read(files.enrolledKey);
  return key === undefined ? undefined : createPrivateKey({ key, type: "pkcs8", format: "der" });
}

function parse(record: Buffer, { store, enrolledKey }: { store: StateFiles; enrolledKey: KeyObject }): MeshIdentity {
  // The file is authenticated, so only another version of this program can have written another shape.
  const value = JSON.parse(record.toString("utf8")) as MeshIdentity & {
    version: unknown;
    tokenPublicKey: string;
    master?: ReturnType<typeof masterRecord>;
  };
  if (value.version !== version) {
    throw new HerdError("internal", `${store.describe(files.identity)} was written by another version`);
  }
  const tokenPublicKey = publicKeyOfText(value.tokenPublicKey);
  if (tokenPublicKey === undefined || value.nodeId !== nodeIdOf(enrolledKey)) {
    throw new HerdError("internal", `${store.describe(files.enrolledKey)} is not the key of this node`);
  }
  const { nodeId, nodeName, rootCertificate, deploy, holdsRoot, records, leaves, master } = value;
  return {
    meshId: meshIdOf(rootCertificate),
    rootCertificate,
    enrolledKey,
    nodeId,
    nodeName,
    tokenPublicKey,
    master: master === undefined ? undefined : masterKeys(master),
    deploy,
    holdsRoot,
    records,
    leaves,
  };
}

function masterRecord({ certificate, key, tokenKey }: MasterKeys) {
  return { certificate, key: derOf(key).toString("base64"), tokenKey: derOf(tokenKey).toString("base64") };
}

function masterKeys({ certificate, key, tokenKey }: ReturnType<typeof masterRecord>): MasterKeys {
  const keyOf = (text: string) => createPrivateKey({ key: Buffer.from(text, "base64"), type: "pkcs8", format: "der" });
  return { certificate, key: keyOf(key), tokenKey: keyOf(tokenKey) };
}

function derOf(key: KeyObject): Buffer {
  return key.export({ type: "pkcs8", format: "der" });
}

function missing(store: StateFiles, name: string): HerdError {
  return new HerdError("internal", `${store.describe(name)} is missing, but the mesh needs it`);
}
