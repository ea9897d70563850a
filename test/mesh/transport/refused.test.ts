// Connections and requests that a real node refuses at its ports, each with its reason and for little CPU.
//
// The list of what must be refused with its reason, line by line. "peer-tls" is test/pki/x509/peer-tls.test.ts, and so
// on; a line that names "here" is proved against a node that runs as a process of its own.
//
// | line                                 | proved by                                                    |
// | ------------------------------------ | ------------------------------------------------------------ |
// | other root, self-signed              | here; peer-tls, tls-refusals                                 |
// | expired, first handshake             | tls-refusals ("one that ended"), peer-tls                    |
// | expired, reused handshake            | tls-refusals ("no session is resumed"), link-life            |
// | revoked                              | here; tls-refusals, link-life, registry, revocation          |
// | leaf acting as CA                    | here; peer-tls ("a leaf that acts as a CA")                  |
// | wrong URI, two URIs                  | peer-tls, tls-refusals (no master of a real mesh issues one) |
// | wrong purpose                        | here (a public leaf at the peer port); peer-tls              |
// | RSA-16384 CSR                        | here (join and renewal); csr                                 |
// | replayed or late token               | here (replayed); joins-refused (late, revoked, another name) |
// | wrong fingerprint, secret never sent | joins-refused ("refused before anything secret leaves")      |
// | tampered manifest or component       | here (manifest); manifest-records, blob-pull, propagate      |
// | unsigned deploy by a peer            | here ("without the deploy mark"); propagate                  |
// | hop = 0 or 2 forged                  | here; forward-hostile, forward-property                      |
// | frame of 2 GB, frame of garbage      | here; frames, tls-refusals                                   |

import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { systemClock } from "../../../src/core/clock.js";
import type { TlsLeaf } from "../../../src/mesh/transport/tls-network.js";
import { type JoinOptions, joinMesh } from "../../../src/pki/join/client.js";
import { certifySelf, issuerOf } from "../../../src/pki/x509/certificate.js";
import { issuePeerLeaf } from "../../../src/pki/x509/peer-leaf.js";
import { rsaKey } from "../../../src/pki/x509/rsa-key.js";
import { meshSeenBy, startMesh, until } from "../../harness/processes/processes.js";
import { cheaply, joinRogue, refusedWith, turnedAway } from "../../harness/processes/refusals.js";
import { applicant } from "../../harness/tls/join-mesh.js";
import { RawPeer } from "../../harness/tls/raw-peer.js";
import { pemOf, TestMesh } from "../../harness/tls/test-mesh.js";
import { hugeCsr } from "../../pki/x509/hand-made-csr.js";

test("strangers at the ports of a node", async (context) => {
  const mesh = await startMesh(context, ["north"], { settings: { logLevel: "debug" } });
  const node = mesh.founder;
  const rogue = await joinRogue(context, mesh, { name: "rogue" });
  const other = await TestMesh.found(systemClock);
  const { rootCertificate: root } = rogue.identity;
  const connect = async (leaf: TlsLeaf | undefined): Promise<void> => {
    const peer = await RawPeer.connect({ address: node.ready.peer, root, leaf }).catch(() => undefined);
    peer?.handshake(rogue.id);
    await peer?.closed;
  };

  await context.test(
    "no certificate, another root's, a leaf that acts as a CA, and a leaf of another purpose",
    async () => {
      await turnedAway(node, /no certificate/, () => connect(undefined));
      await turnedAway(node, /UNABLE_TO|SELF_SIGNED/, () => connect(other.peer(rogue.id)));
      const now = Date.now();
      const selfSigned = certifySelf(
        {
          commonName: "Wasmherd peer",
          notBefore: now - 60_000,
          notAfter: now + 60_000,
          extensions: [
            { name: "extKeyUsage", clientAuth: true, serverAuth: true },
            { name: "subjectAltName", altNames: [other.uri(rogue.id, rogue.identity.meshId)] },
          ],
        },
        other.leafKey,
      );
      await turnedAway(node, /SELF_SIGNED/, () => connect({ certificate: selfSigned, key: pemOf(other.leafKey) }));
      const leaf = rogue.identity.peerLeaf();
      const key = await rsaKey(2_048);
      const below = issuePeerLeaf({
        issuer: issuerOf(leaf.certificate, createPrivateKey(leaf.key), [leaf.certificate]),
        publicKey: createPublicKey(key),
        meshId: rogue.identity.meshId,
        nodeId: "0".repeat(32),
        deploy: true,
        master: true,
        clock: systemClock,
      });
      await turnedAway(node, /INVALID_CA|UNABLE_TO|UNSPECIFIED/, () =>
        connect({ certificate: below, key: pemOf(key) }),
      );
      await turnedAway(node, /purpose|usage|INVALID_PURPOSE/i, () => connect(rogue.identity.publicLeaf()));
      assert.equal((await meshSeenBy(node, mesh.token)).node, "north");
    },
  );

  await context.test("a member's frames of 2 GB, of garbage, and another node's hello", async () => {
    const asMember = () => RawPeer.connect({ address: node.ready.peer, root, leaf: rogue.identity.peerLeaf() });
    const frames: [string, Buffer | undefined, RegExp | undefined][] = [
      // A peer whose announced length is out of bounds receives no reason.
      ["2 GB", Buffer.from([0x80, 0, 0, 0, 1, 2, 3]), undefined],
      ["garbage", Buffer.from([0, 0, 0, 5, 0xc1, 0xff, 0xff, 0, 1]), /cannot be read/],
      ["another node's hello", undefined, /another node than its certificate/],
    ];
    for (const [what, bytes, reason] of frames) {
      await cheaply(node, async () => {
        const peer = await asMember();
        if (bytes === undefined) peer.handshake("0".repeat(32));
        else {
          peer.handshake(rogue.id);
          await until("the handshake is accepted", async () => peer.received.some(([type]) => type === 1));
          peer.socket.write(bytes);
        }
        await peer.closed;
        if (reason !== undefined) assert.match(String(peer.bye), reason, what);
      });
    }
  });

  await context.test("a join with a key of 16,384 bits, with a used token, and a request for too much", async () => {
    const token = await mesh.joinToken();
    const asking = async (change: object, options: Partial<JoinOptions> = {}) =>
      joinMesh(await applicant(change), {
        urls: [node.ready.url],
        token,
        advertise: "localhost",
        deploy: true,
        report: () => undefined,
        clock: systemClock,
        signal: AbortSignal.timeout(20_000),
        ...options,
      });
    await cheaply(node, () => assert.rejects(asking({ csr: hugeCsr() }), refusedWith("join.refused", /16384 bits/)));
    await assert.rejects(asking({}, { advertise: "north.local" }), refusedWith("join.refused", /nobody vouches/));
    const joined = await asking({ name: "north", hosts: ["north.local", "10.0.0.1"] });
    assert.equal(joined.nodeName, "north-2", "a name belongs to who came first");
    assert.doesNotMatch(new X509Certificate(joined.publicCertificate).subjectAltName ?? "", /north|10\.0/);
    await cheaply(node, async () => assert.rejects(asking({}), refusedWith("join.refused", /used up/)));
  });
});
