// GET /v1/nodes/{node}: the details of a node, which that node itself answers.

import { showNode } from "../../api/nodes.js";
import type { DoorKind } from "../../core/door-kind.js";
import { offeredGroups } from "../../core/tls-groups.js";
import { type Endpoint, endpoint, ok } from "../http/endpoint.js";
import type { Mesh, NodeAbout, Owner } from "../ports.js";
import { knownNode } from "../views/mesh-names.js";
import { policyView } from "./policy.js";

/** Dependencies of the endpoint. */
export interface NodeDetailsOptions {
  readonly mesh: Pick<Mesh, "registry">;
  readonly node: { readonly id: string; readonly name: string };
  /** The front door of the public port. */
  readonly door: DoorKind;
  readonly owner: Owner;
  /** Read at each request, since certificates are renewed. */
  readonly about: () => NodeAbout;
}

/** The endpoint of a node's details. `{node}` is a name or an id. */
export function nodeDetailsEndpoint({ mesh, node, door, owner, about }: NodeDetailsOptions): Endpoint {
  return endpoint(showNode, {
    where: ({ parameters }) => ({ node: knownNode(parameters.node, mesh.registry).id }),
    handle() {
      const { version, startedAt, certificates } = about();
      return ok({
        id: node.id,
        name: node.name,
        version,
        runtime: `Node ${process.versions.node}`,
        platform: `${process.platform} ${process.arch}`,
        door,
        groups: door === "node" ? [...offeredGroups] : null,
        startedAt: new Date(startedAt).toISOString(),
        certificates: {
          peer: { notAfter: new Date(certificates.peer).toISOString() },
          public: { notAfter: new Date(certificates.public).toISOString() },
        },
        policy: policyView(owner, node.name),
      });
    },
  });
}
