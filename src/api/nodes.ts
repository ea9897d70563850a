// Nodes: list, tree, details, and the requests of operators: revoke, drain, resume, recycle.

import * as z from "zod";
import { doorKinds } from "../core/door-kind.js";
import { policy } from "./policy.js";
import { answer, type DeepReadonly, json, type Route } from "./route.js";
import { count, durable, durableHeader, flag, nodeNames, time } from "./values.js";

const capacity = z
  .object({
    overall: z.number().describe("Work units a second of all workers: 1 unit is 1 ms of the reference machine."),
    kernels: z.record(z.string(), z.number()).describe("The same by benchmark kernel."),
    workers: count("Workers that were measured."),
  })
  .meta({ id: "Capacity" });

const approvedBy = z.string().describe("`token ID`, `person ID` of the admin token, or `founder`.");
const fingerprint = z.string().describe("SHA-256 of the node's key, hex.");
const at = time("When it was let in");
const state = z
  .string()
  .describe("`alive`, `suspect`, `dead`, `left`, `draining` or `asleep`; in the tree also `revoked`.");

const node = z
  .object({
    name: z.string().describe("Name of the node."),
    id: z.string().describe("32 hex digits of its key's SHA-256."),
    state,
    master: z.boolean().describe("Whether it may let nodes in and issue certificates and tokens."),
    deploy: z.boolean().describe("Whether it may deploy."),
    revoked: z.boolean().describe("Whether it was revoked: then no node takes it any more."),
    fingerprint,
    parent: z.string().nullable().describe("Name of the node that let it in; null for the founder."),
    approvedBy,
    at,
    url: z.string().nullable().describe("Its HTTPS address; null while it is not known."),
    address: z.string().nullable().describe("`HOST:PORT` that peers dial; null while it is not known."),
    twins: z.array(z.string()).describe("Where its processes are, when two run with its identity; else empty."),
    container: z.boolean().nullable().describe("Whether a container stands around it; null while it is not known."),
    door: z
      .enum(doorKinds)
      .nullable()
      .describe("The server of its public port: see `door`; null while it is not known."),
    slots: count("Calls that it can run at once.").optional(),
    running: count("Calls that it runs.").optional(),
    queued: count("Calls that wait there.").optional(),
    owner: z.string().optional().describe("What its owner leaves to calls, a state of `GET /v1/policy`."),
    capacity: capacity.nullish().describe("What it can do; null before it measured."),
  })
  .meta({ id: "Node", description: "A node. Its live state is absent when no report of it came lately." });

/** Every node: the answer of `GET /v1/nodes` without `tree`. */
export const nodeList = z.array(node);

const branch = z.object({
  name: z.string().describe("Name of the node."),
  parent: z.string().nullable().describe("Name of the node that let it in; null at the root."),
  approvedBy,
  at,
  fingerprint,
  state,
});

/** A node of the tree. */
export interface TreeNode extends DeepReadonly<z.infer<typeof branch>> {
  readonly children: readonly TreeNode[];
}

/**
 * A node below the node that let it in. The type is named, since a declaration file elides a type that infers itself.
 */
const treeNode: z.ZodType<TreeNode> = branch
  .extend({
    get children() {
      return z.array(treeNode).describe("Nodes that it let in, in the order in which they came.");
    },
  })
  .meta({ id: "TreeNode" });

/** The tree: the answer of `GET /v1/nodes` to `tree`; null while no node is known. */
export const nodeTree = treeNode.nullable();

const certificate = z.object({ notAfter: time("When it ends") });

const details = z
  .object({
    id: z.string().describe("Id of the node."),
    name: z.string().describe("Name of the node."),
    version: z.string().describe("Version of Wasmherd."),
    runtime: z.string().describe("Version of Node."),
    platform: z.string().describe("Operating system and architecture."),
    door: z.enum(doorKinds).describe("The server of its public port: uWebSockets, or Node's own."),
    groups: z
      .array(z.string())
      .nullable()
      .describe(
        "Groups of the key exchange that its public port offers, the preferred one first; null for uWebSockets.",
      ),
    startedAt: time("When the process began to serve"),
    certificates: z
      .object({
        peer: certificate.describe("For links between nodes."),
        public: certificate.describe("For HTTPS."),
      })
      .describe("Its certificates."),
    policy: policy.describe("As `GET /v1/policy`."),
  })
  .meta({ id: "NodeDetails" });

const named = z.object({ node: z.string().describe("Name or id of a node.") });

/** `GET /v1/nodes`. */
export const listNodes = {
  method: "GET",
  path: "/v1/nodes",
  summary: "Lists every node that was ever let in, the asked one first; with `tree` below the nodes that let them in.",
  role: "admin",
  at: "here",
  query: z.object({ tree: flag("Answers with the tree.") }),
  answers: {
    200: answer(
      "The nodes; or the founder with all below it, null while no node is known.",
      json(z.union([nodeList, treeNode, z.null()])),
    ),
  },
} as const satisfies Route;

/** `GET /v1/nodes/{node}`. */
export const showNode = {
  method: "GET",
  path: "/v1/nodes/{node}",
  summary: "Shows a node's version, certificates and policy, asked of that node.",
  role: "admin",
  at: "named",
  parameters: named,
  answers: { 200: answer("The node.", json(details)) },
  problems: ["node.unknown"],
} as const satisfies Route;

/** `POST /v1/nodes/{node}/revoke`. */
export const revokeNode = {
  method: "POST",
  path: "/v1/nodes/{node}/revoke",
  summary: "Revokes a node for good; with `subtree` also all nodes that it let in, directly or not.",
  role: "admin",
  at: "master",
  parameters: named,
  body: json(
    z
      .strictObject({ subtree: z.boolean().optional().describe("Whether all nodes that it let in are revoked too.") })
      .optional(),
  ),
  answers: {
    200: {
      ...answer(
        "Revoked.",
        json(z.object({ revoked: nodeNames("Nodes that were revoked now: none when they were before"), durable })),
      ),
      headers: durableHeader,
    },
  },
  problems: ["node.unknown", "node.revoked", "state.conflict"],
} as const satisfies Route;

const drained = z.object({
  name: z.string().describe("Name of the node."),
  id: z.string().describe("Id of the node."),
  state,
});

const draining = (verb: string, summary: string) =>
  ({
    method: "POST",
    path: `/v1/nodes/{node}/${verb}`,
    summary,
    role: "admin",
    at: "named",
    parameters: named,
    answers: { 200: answer("The node as it is now.", json(drained)) },
    problems: ["node.unknown"],
  }) as const satisfies Route;

/** `POST /v1/nodes/{node}/drain`. */
export const drainNode = draining("drain", "Gives the node's calls to its peers, and takes no new ones.");

/** `POST /v1/nodes/{node}/resume`. */
export const resumeNode = {
  ...draining("resume", "Ends draining, and a pause of the owner."),
  byOwner: true,
} as const satisfies Route;

/** `POST /v1/nodes/{node}/recycle`. */
export const recycleNode = draining(
  "recycle",
  "Drains the node and ends it with exit code 75, for a supervisor to start it anew.",
);

/** A node in a list. */
export type ListedNode = DeepReadonly<z.infer<typeof node>>;

/** The details that a node reports of itself. */
export type NodeDetails = DeepReadonly<z.infer<typeof details>>;
