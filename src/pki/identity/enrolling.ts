// Becoming a node of a mesh that is there: keys and requests go out, and what comes back is checked against them before
// it counts.

import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import type { HerdError } from "../../core/errors.js";
import type { StateFiles } from "../../storage/state-files.js";
import { JoinRefused } from "../join-refused.js";
import { makeCsr } from "../x509/csr.js";
import { masterKeyBits } from "../x509/master-certificate.js";
import { peerIdentityOf } from "../x509/peer-identity.js";
import { peerLeaf } from "../x509/peer-leaf.js";
import { publicLeaf } from "../x509/public-leaf.js";
import { meshIdOf } from "../x509/root.js";
import { type LeafKeys, makeLeafKeys, rsaKey } from "../x509/rsa-key.js";
import { nodeIdOf, publicKeyOfText, publicKeyText, signerOf } from "./enrolled-key.js";
import type { Enrollment, EnrollmentRequest } from "./enrollment.js";
import { keepEnrolledKey, type LeafText, type MasterKeys, type MeshIdentity, storeIdentity } from "./mesh-files.js";

/**
 * Sends a request to a mesh and resolves to its answer: how, is the join's affair. Throws `join.refused`, and whatever
 * ends it.
 */
export type Enroll = (request: EnrollmentRequest) => Promise<Enrollment>;

/** The node that wants to join. */
interface Applicant {
  readonly enrolledKey: KeyObject;
  readonly name: string;
  readonly hosts: readonly string[];
  readonly current?: EnrollmentRequest["current"];
  /** The root (PEM) of its mesh, when it is in one already. */
  readonly rootCertificate?: string | undefined;
  /** Keys for its leaves that were begun before; made when not given. */
  readonly leafKeys?: Promise<LeafKeys> | undefined;
}

/** A join's answer with the keys that belong to it. */
interface Enrolled {
  readonly enrollment: Enrollment;
  readonly peer: LeafText;
  readonly public: LeafText;
  readonly masterKey: KeyObject | undefined;
}

/**
 * Joins a mesh and stores what that brings: all of it, or nothing but the enrolled key. Throws `join.refused` for an
 * answer that does not fit.
 */
export async function enrollIdentity(
  store: StateFiles,
  options: Pick<Applicant, "name" | "hosts" | "leafKeys"> & { readonly enroll: Enroll },
): Promise<MeshIdentity> {
  const enrolledKey = await keepEnrolledKey(store);
  const enrolled = await requestEnrollment({ ...options, enrolledKey }, options.enroll);
  const { enrollment } = enrolled;
  const { meshId, nodeId, nodeName, rootCertificate, records } = enrollment;
  const tokenPublicKey = publicKeyOfText(enrollment.tokenPublicKey);
  if (tokenPublicKey === undefined) throw refused("its token key is none");
  const identity: MeshIdentity = {
    meshId,
    rootCertificate,
    enrolledKey,
    nodeId,
    nodeName,
    tokenPublicKey,
    master: masterKeysOf(enrolled),
    deploy: peerIdentityOf(enrolled.peer.certificate, meshId).deploy,
    holdsRoot: false,
    records,
    leaves: { peer: enrolled.peer, public: enrolled.public },
  };
  await storeIdentity(store, identity);
  return identity;
}

/** What makes the node a master, `undefined` when the answer does not. */
export function masterKeysOf({ enrollment, masterKey }: Enrolled): MasterKeys | undefined {
  const { masterCertificate, tokenKey } = enrollment;
  if (masterCertificate === undefined || masterKey === undefined || tokenKey === undefined) return undefined;
  return { certificate: masterCertificate, key: masterKey, tokenKey: privateKeyOf(tokenKey) };
}

/**
 * Makes the keys and requests of two leaves, sends them, and checks that the answer is for this node and for these
 * keys. The caller has made sure of the mesh; every handshake checks the chains.
 */
export async function requestEnrollment(applicant: Applicant, enroll: Enroll): Promise<Enrolled> {
  const { enrolledKey, name, hosts, current, rootCertificate, leafKeys = makeLeafKeys() } = applicant;
  const [peerKey, publicKey] = await leafKeys;
  let masterKey: KeyObject | undefined;
  const enrollment = await enroll({
    key: publicKeyText(enrolledKey),
    nodeId: nodeIdOf(enrolledKey),
    csr: makeCsr(peerKey),
    publicCsr: makeCsr(publicKey),
    masterCsr: async () => {
      masterKey ??= await rsaKey(masterKeyBits);
      return makeCsr(masterKey);
    },
    name,
    hosts,
    current,
    rootCertificate,
    sign: (payload) => signerOf(enrolledKey).sign(payload),
  });
  const keys = { enrolledKey, peerKey, publicKey, masterKey };
  try {
    return checked(enrollment, keys);
  } catch (cause) {
    if (cause instanceof JoinRefused) throw cause;
    throw refused("its certificates do not fit", cause);
  }
}

interface Keys {
  readonly enrolledKey: KeyObject;
  readonly peerKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly masterKey: KeyObject | undefined;
}

function checked(enrollment: Enrollment, keys: Keys): Enrolled {
  const { meshId, nodeId, rootCertificate, peerCertificate, publicCertificate } = enrollment;
  const root = new X509Certificate(rootCertificate);
  if (!root.ca || !root.verify(root.publicKey) || meshIdOf(rootCertificate) !== meshId) {
    throw refused("its root is not the mesh's");
  }
  if (nodeId !== nodeIdOf(keys.enrolledKey)) throw refused("it is for another node");
  const peer = { certificate: peerCertificate, key: pemOf(keys.peerKey) };
  const open = { certificate: publicCertificate, key: pemOf(keys.publicKey) };
  peerLeaf(peer.certificate, peer.key);
  publicLeaf(open.certificate, open.key);
  if (peerIdentityOf(peerCertificate, meshId).nodeId !== nodeId) throw refused("its certificate is for another node");
  return { enrollment, peer, public: open, masterKey: masterKeyFor(enrollment, { root, masterKey: keys.masterKey }) };
}

/** The key of the CA certificate that came, `undefined` when none came. */
function masterKeyFor(
  enrollment: Enrollment,
  { root, masterKey }: { root: X509Certificate; masterKey: KeyObject | undefined },
): KeyObject | undefined {
  const { masterCertificate, tokenKey, tokenPublicKey } = enrollment;
  if (masterCertificate === undefined && tokenKey === undefined) return undefined;
  if (masterCertificate === undefined || tokenKey === undefined || masterKey === undefined) {
    throw refused("it makes half a master");
  }
  const parsed = new X509Certificate(masterCertificate);
  if (!parsed.ca || !parsed.checkPrivateKey(masterKey) || !parsed.verify(root.publicKey)) {
    throw refused("its master certificate does not fit");
  }
  const key = privateKeyOf(tokenKey);
  if (publicKeyText(createPublicKey(key)) !== tokenPublicKey) throw refused("its two token keys do not fit");
  return masterKey;
}

function privateKeyOf(text: string): KeyObject {
  return createPrivateKey({ key: Buffer.from(text, "base64"), type: "pkcs8", format: "der" });
}

function pemOf(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }) as string;
}

function refused(reason: string, cause?: unknown): HerdError {
  const extras = cause === undefined ? {} : { cause };
  return new JoinRefused(`the answer to the join cannot be used: ${reason}`, extras);
}
