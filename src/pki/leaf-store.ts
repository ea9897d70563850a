// The node's public leaf over restarts: kept while it is good, made anew when not.

import { X509Certificate } from "node:crypto";
import forge from "node-forge";
import type { Clock } from "../core/clock.js";
import type { StateFiles } from "../core/state-files.js";
import type { Issuer } from "./certificate.js";
import { covers, issuePublicLeaf, needsRenewal, type PublicLeaf, publicLeaf } from "./public-leaf.js";

const fileName = "public-leaf";

/** What a leaf is kept for. */
export interface LeafStoreOptions {
  readonly files: StateFiles;
  readonly issuer: Issuer;
  readonly hosts: readonly string[];
  readonly nodeName: string;
  readonly clock: Clock;
}

/** Holds the leaf in service. */
export class LeafStore {
  readonly #options: LeafStoreOptions;
  #current: PublicLeaf;

  private constructor(options: LeafStoreOptions, current: PublicLeaf) {
    this.#options = options;
    this.#current = current;
  }

  /** Takes the stored leaf if it covers the hosts, is this issuer's and has most of its life before it, else issues one. */
  static async open(options: LeafStoreOptions): Promise<LeafStore> {
    const stored = await load(options.files);
    const good =
      stored !== undefined &&
      covers(stored, options.hosts) &&
      !needsRenewal(stored, options.clock) &&
      isFrom(options.issuer, stored);
    return new LeafStore(options, good ? stored : await issueAndStore(options));
  }

  get current(): PublicLeaf {
    return this.#current;
  }

  /** Issues and stores a new leaf, which is `current` from then on. */
  async renew(): Promise<PublicLeaf> {
    this.#current = await issueAndStore(this.#options);
    return this.#current;
  }
}

async function issueAndStore(options: LeafStoreOptions): Promise<PublicLeaf> {
  const leaf = await issuePublicLeaf(options);
  await options.files.write(fileName, JSON.stringify({ certificate: leaf.certificate, key: leaf.key }));
  return leaf;
}

async function load(files: StateFiles): Promise<PublicLeaf | undefined> {
  const content = await files.read(fileName);
  if (content === undefined) return undefined;
  try {
    const { certificate, key } = JSON.parse(content.toString("utf8")) as { certificate: string; key: string };
    return publicLeaf(certificate, key);
  } catch {
    // Nothing is lost with a leaf that another version wrote: a new one takes its place.
    return undefined;
  }
}

function isFrom(issuer: Issuer, leaf: PublicLeaf): boolean {
  const authority = new X509Certificate(forge.pki.certificateToPem(issuer.certificate));
  return new X509Certificate(leaf.certificate).verify(authority.publicKey);
}
