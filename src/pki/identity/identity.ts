// A node's identity, opened: founded or joined when there is none, locked against a second process, with all that hangs
// on its keys.

import { type KeyObject, X509Certificate } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import type { Signed, Signer } from "../../core/signed.js";
import { UsageError } from "../../core/usage-error.js";
import type { HeldWrites } from "../../storage/held-writes.js";
import type { StateFiles } from "../../storage/state-files.js";
import { JoinRefused } from "../join-refused.js";
import { keepCertificate, makeStateFolder, openStateFolder, type StateFolder } from "../state/state-folder.js";
import { StateLock } from "../state/state-lock.js";
import { SignIn } from "../tokens/sign-in.js";
import { TokenAuthority } from "../tokens/tokens.js";
import { type Issuer, issuerOf } from "../x509/certificate.js";
import { parseCsr } from "../x509/csr.js";
import { type NameScope, nameScope, nameScopeOf, permits } from "../x509/name-constraints.js";
import { peerIdentityOf } from "../x509/peer-identity.js";
import type { PeerLeaf } from "../x509/peer-leaf.js";
import { covers, needsRenewal, type PublicLeaf, publicHosts, wantedHosts } from "../x509/public-leaf.js";
import { rootIssuer } from "../x509/root.js";
import type { LeafKeys } from "../x509/rsa-key.js";
import { signerOf } from "./enrolled-key.js";
import { type Enroll, enrollIdentity, requestEnrollment } from "./enrolling.js";
import { type Certifier, issueLeaves } from "./enrollment-issue.js";
import { foundIdentity } from "./founding.js";
import { signAsRoot } from "./founding-records.js";
import { loadIdentity, loadRootKey, type MeshIdentity, protectRootKey } from "./mesh-files.js";
import { isPeerLeafDue, NodeLeaves, type RenewLeaves } from "./node-leaves.js";
import { type EnrolledNode, type ReEnroll, reEnroll } from "./re-enrollment.js";

const identityScope = "identity";
/**
 * The last part of a peer leaf's life, in which a node whose links do not renew it re-enrolls. More leaves more time
 * to.
 */
const lastPart = 1 / 4;

/** What an identity is opened from: the node's configuration, and the time. */
export interface IdentityOptions {
  /** State folder; with `ephemeral` it holds the lock and `ca.pem` only. */
  readonly state: string;
  readonly ephemeral: boolean;
  /**
   * The node's name if it has none yet: a stored identity keeps its own, and a mesh that is joined may give another.
   */
  readonly name: string;
  /** What a root that is founded may vouch for, beside local names. */
  readonly domains: readonly string[];
  readonly advertise: string;
  readonly clock: Clock;
  /** Whether a founder may deploy (default yes); the mesh decides for a node that joins. */
  readonly deploy?: boolean | undefined;
  /** Encrypts the root's key beside the state's key; a key that had no passphrase gets it now. */
  readonly rootPassphrase?: string | undefined;
  /** Joins a mesh instead of founding one. Not called when there is an identity. */
  readonly enroll?: Enroll | undefined;
  /** Keys that were begun before, for the leaves that {@link enroll} requests. */
  readonly leafKeys?: Promise<LeafKeys> | undefined;
  /**
   * Asks with the join token that this known node was given, when its peer leaf ran out or the token makes it a master.
   */
  readonly reEnroll?: ReEnroll | undefined;
  /** Receives the error of {@link reEnroll} when no node of the mesh was reached; the identity opens all the same. */
  readonly onReEnrollError?: ((error: unknown) => void) | undefined;
}

/**
 * An open identity. `founded` and `joined` say how it came to be if it came to be now; `caPath` is the root
 * certificate's file; `records` introduce the node to others (texts of signed records); `scope` is what the mesh's
 * certificates may name.
 */
export class Identity implements Certifier {
  readonly meshId: string;
  readonly nodeId: string;
  readonly nodeName: string;
  readonly rootCertificate: string;
  readonly caPath: string;
  readonly founded: boolean;
  readonly joined: boolean;
  readonly isMaster: boolean;
  readonly records: readonly string[];
  readonly scope: NameScope;
  readonly clock: Clock;
  /** Signs with the enrolled key. */
  readonly signer: Signer;
  readonly enrolledKey: KeyObject;
  readonly tokenPublicKey: KeyObject;
  /** The mesh's private token key, and what signs leaves: masters only. */
  readonly tokenKey: KeyObject | undefined;
  readonly masterIssuer: Issuer | undefined;
  readonly tokens: TokenAuthority;
  readonly signIn: SignIn;
  readonly #parts: Parts;
  #reEnroll: Enroll | undefined;
  /** The marks of the peer leaf that was read last: reading one takes 0.2 ms. */
  #marked: { readonly certificate: string; readonly deploy: boolean } | undefined;

  private constructor(parts: Parts) {
    const { mesh, options, how, tokens } = parts;
    this.meshId = mesh.meshId;
    this.nodeId = mesh.nodeId;
    this.nodeName = mesh.nodeName;
    this.rootCertificate = mesh.rootCertificate;
    this.caPath = join(options.state, "ca.pem");
    this.founded = how === "founded";
    this.joined = how === "joined";
    this.isMaster = mesh.master !== undefined;
    this.records = mesh.records;
    this.scope = nameScopeOf(mesh.rootCertificate);
    this.clock = options.clock;
    this.signer = signerOf(mesh.enrolledKey);
    this.enrolledKey = mesh.enrolledKey;
    this.tokenPublicKey = mesh.tokenPublicKey;
    this.tokenKey = mesh.master?.tokenKey;
    this.masterIssuer = mesh.master && issuerOf(mesh.master.certificate, mesh.master.key, [mesh.master.certificate]);
    this.tokens = tokens;
    this.signIn = new SignIn({ tokens, clock: options.clock });
    this.#parts = parts;
    if (this.isMaster) parts.leaves.renewVia(async (requests) => this.#signOwn(requests));
  }

  /**
   * Opens an identity; makes one when there is none: by `enroll` when that is given, else by founding a mesh. Throws
   * `internal` naming the file that is in the way, `UsageError` for a host that the root may not name, and what a join
   * ends with.
   */
  static async open(options: IdentityOptions): Promise<Identity> {
    await makeStateFolder(options.state);
    const lock = await StateLock.acquire(options.state);
    let folder: StateFolder | undefined;
    try {
      folder = await openStateFolder(options.state, options);
      const identity = new Identity(await openParts(options, { lock, folder }));
      await identity.#readyLeaves();
      await keepCertificate(identity.caPath, identity.rootCertificate, { held: folder.held });
      return identity;
    } catch (error) {
      await folder?.close();
      lock.release();
      throw error;
    }
  }

  /** Whether the peer leaf in service carries the deploy mark. */
  get mayDeploy(): boolean {
    const { certificate } = this.peerLeaf();
    if (this.#marked?.certificate !== certificate) {
      this.#marked = { certificate, deploy: peerIdentityOf(certificate, this.meshId).deploy };
    }
    return this.#marked.deploy;
  }

  /** The public leaf in service. */
  publicLeaf(): PublicLeaf {
    return present(this.#parts.leaves.public);
  }

  /** The peer leaf in service; it may have ended. */
  peerLeaf(): PeerLeaf {
    return present(this.#parts.leaves.peer);
  }

  /** Hears of each new peer leaf, once it is stored; returns the function that unsubscribes. */
  onPeerLeaf(listener: (leaf: PeerLeaf) => void): () => void {
    return this.#parts.leaves.onPeer(listener);
  }

  /** How leaves are renewed from now on: over a link to a master. A master's own hand stays. */
  renewVia(renew: RenewLeaves): void {
    if (this.isMaster) return;
    this.#parts.leaves.renewVia(async (requests) => {
      const chains = await renew(requests);
      // A leaf that is not this node's would cut it off from everybody until the next one.
      if (chains.peer !== undefined && peerIdentityOf(chains.peer, this.meshId).nodeId !== this.nodeId) {
        throw new HerdError("auth.invalid", "the peer leaf that was signed is another node's");
      }
      return chains;
    });
  }

  /** How a peer leaf is requested from now on, when the old leaf ends soon or ended and no link brings a new one. */
  reEnrollVia(reEnroll: Enroll): void {
    this.#reEnroll = reEnroll;
  }

  /** A new public leaf, stored and from now on the one in service. */
  async renewPublicLeaf(): Promise<PublicLeaf> {
    return this.#parts.leaves.renewPublic();
  }

  /**
   * A new peer leaf, stored and from now on the one in service. Near the end of the old one, when the links give none,
   * by {@link reEnrollVia}; at once when `trusted` is false: no peer accepts the old one.
   */
  async renewPeerLeaf({ trusted = true }: { readonly trusted?: boolean } = {}): Promise<PeerLeaf> {
    const { leaves } = this.#parts;
    const { notBefore, notAfter } = this.peerLeaf();
    const now = this.clock.now();
    const left = trusted ? notAfter - now : 0;
    const reEnroll = this.#reEnroll;
    // A leaf that has not begun: the clock was set back, and a node that answers over HTTPS shows by how much.
    const isGood = now >= notBefore && left > (notAfter - notBefore) * lastPart;
    if (reEnroll === undefined || isGood) return leaves.renewPeer();
    if (left > 0) {
      try {
        return await leaves.renewPeer();
      } catch {
        // No master over the links: what follows reports its own failure.
      }
    }
    return leaves.putPeer((await this.#requestLeaves(reEnroll)).peer);
  }

  /**
   * The root as an issuer, its key read for this occasion. Throws `node.unavailable` when it is not here, and
   * `state.conflict` when its passphrase is missing.
   */
  async rootIssuer(): Promise<Issuer> {
    return rootIssuer({ certificate: this.rootCertificate, key: await this.#rootKey() });
  }

  /** Signs a payload as the root. Throws as {@link rootIssuer}. */
  async rootSign(payload: string): Promise<Signed> {
    return signAsRoot(payload, await this.#rootKey());
  }

  /**
   * Files under the identity's key, such as `catalog`; in memory when the node is ephemeral. A scope is opened once.
   */
  async files(scope: string): Promise<StateFiles> {
    return this.#parts.folder.files(scope);
  }

  /** What the disk did not take. */
  get held(): HeldWrites {
    return this.#parts.folder.held;
  }

  /** Whether the state's lock could be written. */
  get isLocked(): boolean {
    return this.#parts.lock.isWritten;
  }

  /** Lets another process have the state, once what waits for the disk was tried again. */
  async close(): Promise<void> {
    const { folder, lock } = this.#parts;
    if (folder.isIdle) lock.release();
    await folder.close();
    lock.release();
  }

  async #rootKey(): Promise<KeyObject> {
    const { mesh, options, store } = this.#parts;
    if (!mesh.holdsRoot) {
      const detail = "this node does not have the root's key: only the node that founded the mesh can make masters";
      throw new HerdError("node.unavailable", detail);
    }
    return loadRootKey(store, { rootCertificate: mesh.rootCertificate, passphrase: options.rootPassphrase });
  }

  #signOwn({ peer, public: open }: Parameters<RenewLeaves>[0]) {
    const { mesh, hosts } = this.#parts;
    const { nodeId, nodeName: name, deploy } = mesh;
    const csr = peer === undefined ? undefined : parseCsr(peer);
    const publicCsr = open === undefined ? undefined : parseCsr(open);
    const request = { nodeId, name, csr, publicCsr, hosts, deploy, master: true };
    const { peerCertificate, publicCertificate } = issueLeaves(request, this);
    return { peer: peerCertificate, public: publicCertificate };
  }

  async #readyLeaves(): Promise<void> {
    const { leaves, hosts } = this.#parts;
    const { peer, public: open } = leaves;
    if (!this.isMaster) {
      if (peer !== undefined && open !== undefined) return;
      throw new HerdError("internal", "a leaf is missing, and no mesh to ask for one");
    }
    const own = (leaf: { certificate: string }) =>
      this.masterIssuer !== undefined && isFrom(this.masterIssuer, leaf.certificate);
    const peerStays = peer !== undefined && own(peer) && !isPeerLeafDue(peer, this.clock);
    const publicStays = open !== undefined && own(open) && !needsRenewal(open, this.clock) && covers(open, hosts);
    await Promise.all([peerStays || leaves.renewPeer(), publicStays || leaves.renewPublic()]);
  }

  async #requestLeaves(reEnroll: Enroll) {
    const { mesh, hosts, leaves } = this.#parts;
    const { peer, public: open } = leaves;
    const current = peer && open && { peer: peer.certificate, public: open.certificate };
    const { enrolledKey, nodeName: name, rootCertificate } = mesh;
    const applicant = { enrolledKey, name, hosts, current, rootCertificate };
    const again = await requestEnrollment(applicant, reEnroll);
    if (again.enrollment.meshId === mesh.meshId) return again;
    throw new JoinRefused("the answer to the join cannot be used: it is another mesh's");
  }
}

interface Parts {
  readonly options: IdentityOptions;
  readonly lock: StateLock;
  readonly mesh: MeshIdentity;
  readonly how: "founded" | "joined" | "known";
  readonly hosts: readonly string[];
  readonly tokens: TokenAuthority;
  readonly leaves: NodeLeaves;
  readonly store: StateFiles;
  readonly folder: StateFolder;
}

async function openParts(
  options: IdentityOptions,
  { lock, folder }: { lock: StateLock; folder: StateFolder },
): Promise<Parts> {
  const { clock, rootPassphrase } = options;
  const store = await folder.files(identityScope);
  const known = await loadIdentity(store);
  const opened = known === undefined ? await create(store, options) : reopen(known, options);
  const { how, hosts } = opened;
  if (known?.holdsRoot === true && rootPassphrase !== undefined) {
    await protectRootKey(store, { rootCertificate: known.rootCertificate, passphrase: rootPassphrase });
  }
  const nobody: RenewLeaves = async () => {
    throw new HerdError("node.unavailable", "no master is linked to sign a leaf", { retryAfterSeconds: 5 });
  };
  const leaves = await NodeLeaves.open({ files: store, hosts, initial: opened.mesh.leaves, renew: nobody });
  const mesh = how === "known" ? await reEnrolled({ mesh: opened.mesh, hosts, leaves, store }, options) : opened.mesh;
  const key = mesh.master?.tokenKey ?? mesh.tokenPublicKey;
  const tokens = new TokenAuthority({
    meshId: mesh.meshId,
    key,
    signer: signerOf(mesh.enrolledKey),
    files: store,
    clock,
  });
  await tokens.open();
  return { options, lock, mesh, how, hosts, tokens, leaves, store, folder };
}

async function create(store: StateFiles, options: IdentityOptions): Promise<Pick<Parts, "mesh" | "how" | "hosts">> {
  const { name, advertise, domains, clock, enroll, leafKeys, rootPassphrase: passphrase, deploy = true } = options;
  if (enroll !== undefined) {
    const wanted = wantedHosts({ advertise, hostName: hostname() });
    const mesh = await enrollIdentity(store, { name, hosts: wanted, enroll, leafKeys });
    const scope = nameScopeOf(mesh.rootCertificate);
    return { mesh, how: "joined", hosts: wanted.filter((host) => permits(scope, host)) };
  }
  // Before anything is founded: a mesh whose root cannot name its node would only be in the way.
  const hosts = publicHosts({ advertise, hostName: hostname(), scope: nameScope(domains) });
  const mesh = await foundIdentity(store, { nodeName: name, domains, deploy, passphrase, clock });
  return { mesh, how: "founded", hosts };
}

/** A root's domains were fixed when the mesh was founded. */
function reopen(mesh: MeshIdentity, options: IdentityOptions): Pick<Parts, "mesh" | "how" | "hosts"> {
  const { advertise, domains, state } = options;
  const scope = nameScopeOf(mesh.rootCertificate);
  const missing = domains.find((domain) => !permits(scope, domain));
  if (missing !== undefined) {
    throw new UsageError(
      `the mesh in ${state} was founded without --domain ${missing}, and its root cannot learn it: found a ` +
        "new mesh with another --state",
    );
  }
  return { mesh, how: "known", hosts: publicHosts({ advertise, hostName: hostname(), scope }) };
}

/**
 * A mesh that refuses ends the start with its reason; one that is not reached gets another request while the node runs.
 */
async function reEnrolled(
  node: EnrolledNode,
  { reEnroll: by, clock, onReEnrollError }: IdentityOptions,
): Promise<MeshIdentity> {
  if (by === undefined) return node.mesh;
  try {
    return await reEnroll(node, { by, now: clock.now() });
  } catch (error) {
    if (!(error instanceof HerdError) || error instanceof JoinRefused) throw error;
    onReEnrollError?.(error);
    return node.mesh;
  }
}

function isFrom(issuer: Issuer, leaf: string): boolean {
  const [authority = ""] = issuer.chain;
  return new X509Certificate(leaf).verify(new X509Certificate(authority).publicKey);
}

function present<Leaf>(leaf: Leaf | undefined): Leaf {
  if (leaf === undefined) throw new TypeError("an identity is open when it has its leaves");
  return leaf;
}
