// Founding a mesh: its root, its first master, its token key, and the records that prove them.

import { createPublicKey } from "node:crypto";
import type { Clock } from "../../core/clock.js";
import type { StateFiles } from "../../storage/state-files.js";
import { tokenKey } from "../tokens/tokens.js";
import { issueMasterCertificate, masterKeyBits } from "../x509/master-certificate.js";
import { nameScope } from "../x509/name-constraints.js";
import { foundRoot, rootIssuer } from "../x509/root.js";
import { rsaKey } from "../x509/rsa-key.js";
import { nodeIdOf, signerOf } from "./enrolled-key.js";
import { foundingRecords } from "./founding-records.js";
import { keepEnrolledKey, type MeshIdentity, storeIdentity, storeRootKey } from "./mesh-files.js";

/** What a mesh is founded with. `passphrase` encrypts the root's key beside the state's key. */
interface FoundingOptions {
  readonly nodeName: string;
  readonly domains: readonly string[];
  readonly deploy: boolean;
  readonly passphrase: string | undefined;
  readonly clock: Clock;
}

/** Founds a mesh whose first master is this node, and stores it. The record goes last and is what counts. */
export async function foundIdentity(store: StateFiles, options: FoundingOptions): Promise<MeshIdentity> {
  const { nodeName: name, deploy, domains, clock } = options;
  const [root, masterKey, token, enrolledKey] = await Promise.all([
    foundRoot(options),
    rsaKey(masterKeyBits),
    tokenKey(),
    keepEnrolledKey(store),
  ]);
  const { meshId } = root;
  const nodeId = nodeIdOf(enrolledKey);
  const certificate = issueMasterCertificate({
    root: rootIssuer(root),
    publicKey: createPublicKey(masterKey),
    nodeId,
    name,
    meshId,
    scope: nameScope(domains),
    clock,
  });
  const founder = { meshId, nodeId, name, certificate, deploy, at: clock.now() };
  const identity: MeshIdentity = {
    meshId,
    rootCertificate: root.certificate,
    enrolledKey,
    nodeId,
    nodeName: name,
    tokenPublicKey: createPublicKey(token),
    master: { certificate, key: masterKey, tokenKey: token },
    deploy,
    holdsRoot: true,
    records: foundingRecords(founder, { rootKey: root.key, enrolledKey, signer: signerOf(enrolledKey) }),
    leaves: undefined,
  };
  await storeRootKey(store, root.key, options.passphrase);
  await storeIdentity(store, identity);
  return identity;
}
