// Relays over the mesh's links: the first linked peer that may is asked.

import { HerdError } from "../../core/errors.js";
import { type Link, LinkBroken, type Links, RequestTimeout } from "../../mesh/ports.js";
import type { Where } from "../http/place.js";
import type { Relay, RelayedRequest } from "./relay-message.js";

/** The kind of ask that carries a relayed request. */
export const relayKind = "http";

/** Longer than any endpoint takes, uploads that wait for the compiler included. */
const timeoutMs = 120_000;

/** What a {@link LinkRelay} works with. */
export interface LinkRelayOptions {
  /** This node's id. */
  readonly node: string;
  readonly links: Pick<Links, "get" | "all">;
  /** Whether this node is a master now, and whether it may deploy. */
  readonly marks: () => { readonly master: boolean; readonly deploy: boolean };
  /** Whether this node's own revocation is known, or becomes known within seconds. */
  readonly receivesRevocation: () => Promise<boolean>;
}

/** Finds who may by the marks in the certificates of linked peers. */
export class LinkRelay implements Relay {
  readonly #options: LinkRelayOptions;

  constructor(options: LinkRelayOptions) {
    this.#options = options;
  }

  isHere(where: Where): boolean {
    const { node, marks } = this.#options;
    if (where === "master") return marks().master;
    if (where === "deployer") return marks().deploy;
    if ("node" in where) return where.node === node;
    return marks().master && !where.masterExcept.includes(node);
  }

  /** A request that may have changed something is asked once; a GET goes on to the next peer when a link breaks. */
  async request(where: Where, request: RelayedRequest, signal: AbortSignal): Promise<unknown> {
    for (const link of this.#candidates(where)) {
      try {
        return await link.request(relayKind, request, { timeoutMs, signal });
      } catch (error) {
        const broken = error instanceof LinkBroken;
        if (broken && request.method === "GET") continue;
        if (broken && this.#mayEndHere(where) && (await this.#options.receivesRevocation())) throw revoked(error);
        throw failed(error);
      }
    }
    throw new HerdError("node.unavailable", missing(where), { retryAfterSeconds: 2 });
  }

  /** Whether this node is among those that the request is about: who revokes it cuts its link before the answer could leave. */
  #mayEndHere(where: Where): boolean {
    return typeof where === "object" && "masterExcept" in where && where.masterExcept.includes(this.#options.node);
  }

  /**
   * Always in the same order, so that a client that asks twice meets the same node; masters first, since the client's token goes
   * with its request and they could issue one anyway.
   */
  #candidates(where: Where): Link[] {
    const { links } = this.#options;
    if (typeof where === "object" && "node" in where) {
      const link = links.get(where.node);
      return link === undefined ? [] : [link];
    }
    const except = typeof where === "object" ? where.masterExcept : [];
    return links
      .all()
      .filter(({ peer }) => (where === "deployer" ? peer.deploy : peer.master) && !except.includes(peer.nodeId))
      .sort(({ peer: left }, { peer: right }) =>
        left.master === right.master ? (left.nodeId < right.nodeId ? -1 : 1) : left.master ? -1 : 1,
      );
  }
}

/** What went wrong between nodes is not the client's: a peer that distrusts this node must not read as a bad token. */
function failed(error: unknown): unknown {
  const broken = error instanceof LinkBroken || error instanceof RequestTimeout;
  if (!broken && !(error instanceof HerdError)) return error;
  const detail = broken
    ? "the node that was asked for this did not answer; whether it acted is not known"
    : `the node that was asked for this refused: ${error.message}`;
  return new HerdError("node.unavailable", detail, { retryAfterSeconds: 1, cause: error });
}

/** No time to ask again after: nothing is relayed from here any more. */
function revoked(cause: unknown): HerdError {
  const detail =
    "this node was revoked by the request, so the answer cannot reach it: ask another node what became of the others";
  return new HerdError("node.revoked", detail, { cause });
}

function missing(where: Where): string {
  if (where === "deployer") return "this needs a node with the deploy mark, and none is reachable";
  if (typeof where === "object" && "node" in where) return "the node that this is for is not reachable";
  return "this needs a master, and none is reachable";
}
