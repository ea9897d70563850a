// Relays requests over the links of the mesh: to the first linked peer that may act.

import { HerdError } from "../../core/errors.js";
import { type Link, LinkBroken, type Links, RequestTimeout } from "../../mesh/ports.js";
import type { Where } from "../http/place.js";
import type { Relay, RelayedRequest } from "./relay-message.js";

/** The request kind, on a link, of a relayed HTTP request. */
export const relayKind = "http";

/** Timeout of a relayed request: longer than any endpoint takes, an upload that waits for the compiler included. */
const timeoutMs = 120_000;

/** Dependencies of a {@link LinkRelay}. */
export interface LinkRelayOptions {
  /** This node's id. */
  readonly node: string;
  readonly links: Pick<Links, "get" | "all">;
  /** Whether this node is a master now, and whether it may deploy. */
  readonly marks: () => { readonly master: boolean; readonly deploy: boolean };
  /** Whether this node's own revocation is known, or becomes known within seconds. */
  readonly receivesRevocation: () => Promise<boolean>;
}

/** Finds a peer that may act by the marks in the certificates of linked peers. */
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

  /** Sends a request that may change something to one peer, once; a GET goes to the next peer when a link breaks. */
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

  /** Whether the request may revoke this node: then the master cuts the link before the answer could leave. */
  #mayEndHere(where: Where): boolean {
    return typeof where === "object" && "masterExcept" in where && where.masterExcept.includes(this.#options.node);
  }

  /**
   * The linked peers that may act, in a fixed order, so that a client that repeats a request reaches the same node.
   * Masters come first: the relayed request carries the client's token, and a master could issue that token itself.
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

/**
 * Folds failures between nodes into `node.unavailable`: a peer that distrusts this node is no fault of the client's
 * token.
 */
function failed(error: unknown): unknown {
  const broken = error instanceof LinkBroken || error instanceof RequestTimeout;
  if (!broken && !(error instanceof HerdError)) return error;
  const detail = broken
    ? "the node that was asked for this did not answer; whether it acted is not known"
    : `the node that was asked for this refused: ${error.message}`;
  return new HerdError("node.unavailable", detail, { retryAfterSeconds: 1, cause: error });
}

/** The error after this node's revocation, without `Retry-After`: this node relays nothing any more. */
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
