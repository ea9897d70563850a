// A node's identity, opened: founded when there is none, locked against a second process, with all that hangs on its keys.

import { mkdir, readFile, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { writeFileAtomic } from "../core/atomic-file.js";
import type { Clock } from "../core/clock.js";
import { HerdError } from "../core/errors.js";
import { SealedFiles } from "../core/sealed-files.js";
import type { Sealer } from "../core/sealer.js";
import { MemoryFiles, type StateFiles } from "../core/state-files.js";
import { UsageError } from "../core/usage-error.js";
import { LeafStore } from "./leaf-store.js";
import { foundIdentity, loadIdentity, type MeshIdentity } from "./mesh-files.js";
import { nameScope, nameScopeOf, permits } from "./name-constraints.js";
import { type PublicLeaf, publicHosts } from "./public-leaf.js";
import { rootIssuer } from "./root.js";
import { SignIn } from "./sign-in.js";
import { openStateKey } from "./state-key.js";
import { StateLock } from "./state-lock.js";
import { TokenAuthority } from "./tokens.js";

const scope = "identity";

/** What an identity is opened from: the node's configuration, and the time. */
export interface IdentityOptions {
  /** State folder; with `ephemeral` it holds the lock and `ca.pem` only. */
  readonly state: string;
  readonly ephemeral: boolean;
  /** The node's name if it has none yet: a stored identity keeps its own. */
  readonly name: string;
  readonly domains: readonly string[];
  readonly advertise: string;
  readonly clock: Clock;
}

/** An open identity. `founded` tells a new mesh from one that was there; `caPath` is the root certificate's file. */
export class Identity {
  readonly meshId: string;
  readonly nodeId: string;
  readonly nodeName: string;
  readonly rootCertificate: string;
  readonly caPath: string;
  readonly founded: boolean;
  readonly tokens: TokenAuthority;
  readonly signIn: SignIn;
  readonly #leaves: LeafStore;
  readonly #files: (scope: string) => Promise<StateFiles>;
  readonly #lock: StateLock;

  private constructor(parts: Opened) {
    const { mesh, lock, options } = parts;
    this.meshId = mesh.meshId;
    this.nodeId = mesh.nodeId;
    this.nodeName = mesh.nodeName;
    this.rootCertificate = mesh.rootCertificate;
    this.caPath = join(options.state, "ca.pem");
    this.founded = parts.founded;
    this.tokens = parts.tokens;
    this.signIn = new SignIn({ tokens: parts.tokens, clock: options.clock });
    this.#leaves = parts.leaves;
    this.#files = parts.files;
    this.#lock = lock;
  }

  /** Opens or founds. Throws `internal` naming the file that is in the way, and `UsageError` for a host that the root may not name. */
  static async open(options: IdentityOptions): Promise<Identity> {
    await makeFolder(options.state);
    const lock = await StateLock.acquire(options.state);
    try {
      const identity = new Identity(await openParts(options, lock));
      await keepCertificate(identity.caPath, identity.rootCertificate);
      return identity;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** The leaf in service. */
  publicLeaf(): PublicLeaf {
    return this.#leaves.current;
  }

  /** A new leaf for the same hosts, stored and from now on the one in service. */
  async renewPublicLeaf(): Promise<PublicLeaf> {
    return this.#leaves.renew();
  }

  /** Files under the identity's key, such as `catalog`; in memory when the node is ephemeral. A scope is opened once. */
  async files(scope: string): Promise<StateFiles> {
    return this.#files(scope);
  }

  /** Lets another process have the state. */
  close(): void {
    this.#lock.release();
  }
}

interface Opened {
  readonly options: IdentityOptions;
  readonly lock: StateLock;
  readonly mesh: MeshIdentity;
  readonly founded: boolean;
  readonly tokens: TokenAuthority;
  readonly leaves: LeafStore;
  readonly files: (scope: string) => Promise<StateFiles>;
}

async function openParts(options: IdentityOptions, lock: StateLock): Promise<Opened> {
  const { clock } = options;
  const files = await fileSource(options);
  const store = await files(scope);
  const known = await loadIdentity(store);
  // Before anything is founded: a mesh whose root cannot name its node would only be in the way.
  const hosts = hostsFor(known, options);
  const mesh = known ?? (await foundIdentity(store, { nodeName: options.name, domains: options.domains, clock }));
  const issuer = rootIssuer({ certificate: mesh.rootCertificate, key: mesh.rootKey });
  const leaves = await LeafStore.open({ files: store, issuer, hosts, nodeName: mesh.nodeName, clock });
  const tokens = new TokenAuthority({ meshId: mesh.meshId, key: mesh.tokenKey, files: store, clock });
  await tokens.open();
  return { options, lock, mesh, founded: known === undefined, tokens, leaves, files };
}

async function fileSource(options: IdentityOptions): Promise<(scope: string) => Promise<StateFiles>> {
  if (options.ephemeral) return async () => new MemoryFiles();
  const sealer: Sealer = await openStateKey(options.state, { mustExist: await exists(join(options.state, scope)) });
  return (name) => SealedFiles.open(join(options.state, name), sealer, { scope: name });
}

/** The leaf's hosts. A root's domains were fixed when the mesh was founded. */
function hostsFor(known: MeshIdentity | undefined, options: IdentityOptions): string[] {
  const scope = known === undefined ? nameScope(options.domains) : nameScopeOf(known.rootCertificate);
  const missing = options.domains.find((domain) => !permits(scope, domain));
  if (missing !== undefined) {
    throw new UsageError(
      `the mesh in ${options.state} was founded without --domain ${missing}, and its root cannot learn it: found a new mesh with another --state`,
    );
  }
  return publicHosts({ advertise: options.advertise, hostName: hostname(), scope });
}

async function makeFolder(path: string): Promise<void> {
  try {
    await makeEach(resolve(path));
  } catch (error) {
    throw new HerdError("internal", `${path} cannot be made: ${(error as Error).message}`, { cause: error });
  }
}

/** One folder after the other: Node's `recursive` never ends where a folder exists and can hold none, such as /proc. */
async function makeEach(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if ((await stat(path).catch(() => undefined))?.isDirectory()) return;
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path || (await exists(parent))) throw error;
    await makeEach(parent);
    await mkdir(path, { mode: 0o700 });
  }
}

/** Writes the root certificate where people and tools look for it, unless it is there. */
async function keepCertificate(path: string, certificate: string): Promise<void> {
  const known = await readFile(path, "utf8").catch(() => undefined);
  if (known !== certificate) await writeFileAtomic(path, certificate, { mode: 0o644 });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
