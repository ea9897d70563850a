// A hostile member of a real mesh: it was admitted like any other, and sends over its links whatever a test wants.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/core/clock.js";
import { randomHex } from "../../../src/core/ids.js";
import { systemTimers } from "../../../src/core/timers.js";
import type { Link } from "../../../src/mesh/ports.js";
import { LinkSet } from "../../../src/mesh/transport/link-set.js";
import { TlsNetwork } from "../../../src/mesh/transport/tls-network.js";
import { Identity } from "../../../src/pki/identity/identity.js";
import { type JoinOptions, joinMesh } from "../../../src/pki/join/client.js";
import { proofOf, secretHash } from "../../../src/pki/join/proof.js";
import { joinBody } from "../../../src/pki/join/request.js";
import { decodeJoinToken } from "../../../src/pki/join/token-text.js";
import { peerIdentityOf } from "../../../src/pki/x509/peer-identity.js";
import type { NodeProcess } from "../../../src/testing/node-process.js";
import { applicant } from "../tls/join-mesh.js";

/** The member. It trusts every peer. */
export class Rogue {
  readonly identity: Identity;
  readonly links: LinkSet;
  readonly #folder: string;

  private constructor(identity: Identity, folder: string) {
    this.identity = identity;
    this.#folder = folder;
    const { meshId, rootCertificate: root, nodeId } = identity;
    this.links = new LinkSet({
      nodeId,
      instance: randomHex(16),
      network: new TlsNetwork({
        host: "127.0.0.1",
        port: 0,
        root,
        leaf: identity.peerLeaf(),
        identify: (certificate) => peerIdentityOf(certificate, meshId),
      }),
      trust: { check: () => undefined },
      clock: systemClock,
      timers: systemTimers,
      random: Math.random,
      hello: () => ({ address: undefined, url: "https://localhost:1", records: [] }),
      acceptRecords: async () => undefined,
    });
  }

  /** Joins at a node with a token. */
  static async join(at: NodeProcess, { name, token, deploy }: { name: string; token: string; deploy: boolean }) {
    const folder = await mkdtemp(join(tmpdir(), "herd-rogue-"));
    const identity = await Identity.open({
      state: join(folder, "state"),
      ephemeral: true,
      name,
      domains: [],
      advertise: "localhost",
      clock: systemClock,
      enroll: (request) => joinMesh(request, joining(at, { token, deploy })),
    });
    return new Rogue(identity, folder);
  }

  get id(): string {
    return this.identity.nodeId;
  }

  /** A link to a node. */
  async linkTo(node: NodeProcess): Promise<Link> {
    return this.links.dial(node.ready.peer, AbortSignal.timeout(10_000));
  }

  /**
   * Requests a new leaf of a node by its enrolled key, as a node does whose leaf no peer accepts; with a join token if
   * given.
   */
  async rejoin(node: NodeProcess, token: string | undefined): Promise<unknown> {
    this.identity.reEnrollVia((request) => joinMesh(request, joining(node, { token, deploy: false })));
    return this.identity.renewPeerLeaf({ trusted: false });
  }

  /** The text of a record of any content, with this member's valid signature. */
  signed(payload: object): string {
    return JSON.stringify(this.identity.signer.sign(JSON.stringify({ mesh: this.identity.meshId, ...payload })));
  }

  async stop(): Promise<void> {
    await this.links.stop();
    this.identity.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function joining(at: NodeProcess, wish: { token: string | undefined; deploy: boolean }): JoinOptions {
  const signal = AbortSignal.timeout(60_000);
  return { urls: [at.ready.url], ...wish, advertise: "localhost", clock: systemClock, report: () => undefined, signal };
}

/** The body of a valid request to join with a token, by a new key. */
export async function joinRequest(token: string, { advertise }: { advertise: string }): Promise<string> {
  const { id, secret, master, mesh } = decodeJoinToken(token);
  const { key, csr, publicCsr, name, hosts, sign } = await applicant();
  const content = { kind: "join", mesh, name, key, csr, publicCsr, hosts, advertise, deploy: true };
  const payload = JSON.stringify({ ...content, nonce: randomHex(16), at: Date.now() });
  return JSON.stringify(joinBody(sign(payload), { id, keeper: master, proof: proofOf(secretHash(secret), payload) }));
}
