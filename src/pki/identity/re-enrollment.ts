// A known node that was given a join token: its identity stays, its certificates are new, and it may become a master.

import type { StateFiles } from "../../storage/state-files.js";
import { JoinRefused } from "../join-refused.js";
import { peerIdentityOf } from "../x509/peer-identity.js";
import { type Enroll, masterKeysOf, requestEnrollment } from "./enrolling.js";
import { type MeshIdentity, storeIdentity } from "./mesh-files.js";
import type { NodeLeaves } from "./node-leaves.js";

/** How a known node joins again with a token, and whether that token makes masters. */
export interface ReEnroll {
  readonly enroll: Enroll;
  readonly makesMaster: boolean;
}

/** The node that re-enrolls, and where its identity and its leaves are kept. */
export interface EnrolledNode {
  readonly mesh: MeshIdentity;
  readonly hosts: readonly string[];
  readonly leaves: NodeLeaves;
  readonly store: StateFiles;
}

/**
 * Asks when there is something to ask for: the peer certificate ended by `now` (epoch ms), or the token makes this node
 * a master. The identity from then on. Throws `join.refused` with the mesh's reason, and `node.unavailable` when no
 * node of it is reached.
 */
export async function reEnroll(node: EnrolledNode, { by, now }: { by: ReEnroll; now: number }): Promise<MeshIdentity> {
  const { mesh, hosts, leaves, store } = node;
  const { peer, public: open } = leaves;
  const isOver = peer === undefined || peer.notAfter <= now;
  if (mesh.master !== undefined || !(isOver || by.makesMaster)) return mesh;
  const current = peer && open && { peer: peer.certificate, public: open.certificate };
  const { enrolledKey, nodeName: name, rootCertificate, meshId } = mesh;
  const enrolled = await requestEnrollment({ enrolledKey, name, hosts, current, rootCertificate }, by.enroll);
  if (enrolled.enrollment.meshId !== meshId) {
    throw new JoinRefused(`the mesh that answers is ${enrolled.enrollment.meshId}, this node is of ${meshId}`);
  }
  const { records } = enrolled.enrollment;
  const { deploy } = peerIdentityOf(enrolled.peer.certificate, meshId);
  const again: MeshIdentity = { ...mesh, master: masterKeysOf(enrolled), deploy, records };
  await storeIdentity(store, again);
  await leaves.putPeer(enrolled.peer);
  await leaves.putPublic(enrolled.public);
  return again;
}
