// Nodes with real certificates, sockets and links, and nothing above.

import { randomBytes } from "node:crypto";
import type { Clock } from "../../../src/core/clock.js";
import { HerdError } from "../../../src/core/errors.js";
import { systemTimers } from "../../../src/core/timers.js";
import type { Link } from "../../../src/mesh/ports.js";
import { LinkSet, type LinkSetOptions } from "../../../src/mesh/transport/link-set.js";
import { type TlsLeaf, TlsNetwork, type TlsNetworkOptions } from "../../../src/mesh/transport/tls-network.js";
import { peerIdentityOf } from "../../../src/pki/x509/peer-identity.js";
import type { TestMesh } from "./test-mesh.js";

/** A node id of one repeated digit. */
export function nodeId(digit: string): string {
  return digit.repeat(32);
}

/** A node that consists of its links. */
export class TlsNode {
  readonly id: string;
  readonly network: TlsNetwork;
  readonly links: LinkSet;
  /** Ids that this node does not trust. */
  readonly revoked = new Set<string>();
  /** The reasons of refused connections. */
  readonly refused: string[] = [];
  address = "";

  constructor(
    id: string,
    options: {
      mesh: TestMesh;
      clock: Clock;
      leaf?: TlsLeaf;
      network?: Partial<TlsNetworkOptions>;
      links?: Partial<LinkSetOptions>;
    },
  ) {
    const { mesh, clock } = options;
    this.id = id;
    this.network = new TlsNetwork({
      host: "127.0.0.1",
      port: 0,
      root: mesh.root.certificate,
      leaf: options.leaf ?? mesh.peer(id),
      identify: (certificate) => peerIdentityOf(certificate, mesh.root.meshId),
      onRefused: ({ reason }) => this.refused.push(reason),
      reportsPerSecond: 1_000,
      ...options.network,
    });
    this.links = new LinkSet({
      nodeId: id,
      instance: randomBytes(16).toString("hex"),
      network: this.network,
      trust: {
        check: (peer) => {
          if (this.revoked.has(peer.nodeId)) throw new HerdError("auth.invalid", "the node is revoked");
          if (peer.notAfter <= clock.now()) throw new HerdError("auth.invalid", "the certificate has ended");
        },
      },
      clock,
      timers: systemTimers,
      random: Math.random,
      hello: () => ({ address: this.address, url: "https://localhost:8443", records: [] }),
      acceptRecords: async () => undefined,
      ...options.links,
    });
  }

  async start(): Promise<this> {
    this.address = `127.0.0.1:${await this.links.start()}`;
    return this;
  }

  /** Dials another node. */
  dial(other: TlsNode): Promise<Link> {
    return this.links.dial(other.address, new AbortController().signal);
  }
}

/** Resolves once `holds` does, checked every few ms; rejects after `ms`. */
export async function eventually(what: string, isSo: () => boolean, ms = 30_000): Promise<void> {
  const until = performance.now() + ms;
  while (!isSo()) {
    if (performance.now() > until) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
