// Which node answers a request that not every node can answer.

import type { HttpRequest } from "./http-request.js";

/**
 * Where an endpoint acts: at any master, at any node with the deploy mark, at one node (by id), or at a master that
 * is none of the listed nodes (ids).
 */
export type Where = "master" | "deployer" | { readonly node: string } | { readonly masterExcept: readonly string[] };

/** A request for another node to answer. */
export interface RequestElsewhere {
  readonly where: Where;
  readonly http: HttpRequest;
  /** The largest body that is relayed, in bytes. */
  readonly bodyLimitBytes: number;
}
