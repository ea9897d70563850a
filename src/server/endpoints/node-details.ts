// GET /v1/nodes/{node}: what a node says of itself, asked of the very node.

import type { Endpoint } from "../http/endpoint.js";
import type { Mesh, NodeAbout, Owner } from "../ports.js";
import { knownNode } from "../views/mesh-names.js";
import { policyView } from "./policy.js";

/** What the endpoint works with. */
export interface NodeDetailsOptions {
  readonly mesh: Pick<Mesh, "registry">;
  readonly node: { readonly id: string; readonly name: string };
  readonly owner: Owner;
  /** Read at each request: certificates are renewed. */
  readonly about: () => NodeAbout;
}

/** The endpoint of a node's details. `{node}` is a name or an id. */
export function nodeDetailsEndpoint({ mesh, node, owner, about }: NodeDetailsOptions): Endpoint {
  return {
    method: "GET",
    path: "/v1/nodes/:node",
    role: "admin",
    at: (exchange) => ({ node: knownNode(exchange.parameter("node"), mesh.registry).id }),
    handle(exchange) {
      const { version, startedAt, certificates } = about();
      exchange.answer(200, {
        ...node,
        version,
        runtime: `Node ${process.versions.node}`,
        platform: `${process.platform} ${process.arch}`,
        startedAt: new Date(startedAt).toISOString(),
        certificates: {
          peer: { notAfter: new Date(certificates.peer).toISOString() },
          public: { notAfter: new Date(certificates.public).toISOString() },
        },
        policy: policyView(owner, node.name),
      });
    },
  };
}
