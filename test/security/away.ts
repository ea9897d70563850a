// What tests of nodes that were away share: makes the certificate that lies in a stopped node's state an old one.

import { createPublicKey } from "node:crypto";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadIdentity } from "../../src/pki/identity/mesh-files.js";
import { openStateFolder } from "../../src/pki/state/state-folder.js";
import { openStateKey } from "../../src/pki/state/state-key.js";
import { issuerOf } from "../../src/pki/x509/certificate.js";
import { issuePeerLeaf } from "../../src/pki/x509/peer-leaf.js";
import { rsaKey } from "../../src/pki/x509/rsa-key.js";
import { SealedFiles } from "../../src/storage/sealed-files.js";
import { pemOf } from "../harness/tls/test-mesh.js";

const day = 86_400_000;

/**
 * Ages the peer certificate in the state of a stopped node, as if its last one had ended `days` ago; `master` is a
 * master's state.
 */
export async function wasAway(state: string, { master, days }: { master: string; days: number }): Promise<void> {
  // Its node may run: only a copy is opened.
  const copy = await mkdtemp(join(tmpdir(), "herd-away-"));
  await cp(master, copy, { recursive: true });
  const sealer = await openStateKey(copy, { mustExist: true });
  const issuing = await loadIdentity(await SealedFiles.open(join(copy, "identity"), sealer, { scope: "identity" }));
  await rm(copy, { recursive: true, force: true });
  const folder = await openStateFolder(state, { ephemeral: false });
  try {
    const files = await folder.files("identity");
    const node = await loadIdentity(files);
    if (issuing?.master === undefined || node === undefined) throw new TypeError("a state without an identity");
    const { certificate, key } = issuing.master;
    const leafKey = await rsaKey(2_048);
    const at = Date.now() - (days + 1) * day;
    const leaf = issuePeerLeaf({
      issuer: issuerOf(certificate, key, [certificate]),
      publicKey: createPublicKey(leafKey),
      meshId: node.meshId,
      nodeId: node.nodeId,
      deploy: node.deploy,
      master: false,
      clock: { now: () => at, monotonic: () => at },
    });
    await files.write("peer-leaf", JSON.stringify({ certificate: leaf, key: pemOf(leafKey) }));
  } finally {
    await folder.close();
  }
}
