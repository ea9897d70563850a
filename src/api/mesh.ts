// The mesh as one node sees it: peers, the choice of a node for a call, masters, and revocation lists.

import * as z from "zod";
import { answer, bytes, type DeepReadonly, json, type Route } from "./route.js";
import { appName, count, known, nodeNames, revisionName, time } from "./values.js";

/** Live state of a node, from its reports. */
const nodeStats = z.object({
  slots: known("Calls that it can run at once"),
  running: known("Calls that it runs"),
  queued: known("Calls that wait there"),
  capacity: known("Benchmarked work units a second of all its workers"),
  weight: z.number().describe("Preference in a choice: work units a second, all told; 0 when it gets no calls."),
  owner: z
    .string()
    .nullable()
    .describe("What its owner leaves to calls, a state of `GET /v1/policy`; null while it is not known."),
  loopDelayMs: known("Delay of its event loop, in milliseconds"),
  pace: known("1 when it runs calls as fast as its capacity lets expect, less when slower"),
});

const peer = nodeStats
  .extend({
    name: z.string().describe("Name of the node."),
    state: z.string().describe("`alive`, `suspect`, `dead`, `left`, `draining` or `asleep`."),
    rttMs: known("Round trip to it, in milliseconds"),
    errorRate: known("Rate of errors of the node itself, 0 to 1"),
    ejected: z.boolean().describe("Whether it gets no calls for a while because it failed (outlier ejection)."),
    forwarded: count("Calls handed to it since the asked node started."),
  })
  .meta({ id: "MeshPeer" });

/** The body of `GET /v1/mesh`. */
export const mesh = z
  .object({
    node: z.string().describe("Name of the asked node."),
    here: nodeStats.meta({ id: "MeshNode" }).describe("Live state of the asked node."),
    peers: z.array(peer).describe("Peers that are not revoked, by name."),
    masters: nodeNames("Masters that are not revoked"),
    revoked: nodeNames("Nodes that were revoked"),
  })
  .meta({ id: "Mesh" });

const side = z.object({
  slots: count("Calls that it could run at once."),
  running: count("Calls that it ran."),
  queued: count("Calls that waited there."),
  serviceMs: known("Mean time of a run there, in milliseconds"),
  expectedMs: known("Time to the answer expected there, in milliseconds; null also: it takes none"),
  lightUnits: known("The heaviest call that its owner takes, in work units; null also: no limit"),
});

const candidate = z.object({
  name: z.string().describe("Name of the node."),
  weight: z.number().nullable().describe("Work units a second."),
  rate: z.number().nullable().describe("Work units per millisecond of one of its workers."),
  expectedMs: side.shape.expectedMs,
  whyNot: z.string().nullable().describe("Why it could not be drawn; null when it could."),
  lightUnits: side.shape.lightUnits,
});

const step = z
  .object({
    way: z
      .string()
      .describe(
        "`local`, `queue`, `none`, `large` (arguments), `home` (no peer left), `stopped` (here, since no peer takes " +
          "a call that this node had to stop) or `peer`.",
      ),
    here: side
      .extend({ available: z.boolean().describe("Whether it could have run the call at once, or queued it.") })
      .describe("The node that made the choice."),
    peer: side
      .extend({
        name: z.string().describe("Name of the node."),
        inFlight: count("Calls of this node that were there."),
        rttMs: known("Round trip, in milliseconds"),
        taken: z.string().nullable().describe("How the peer took the call."),
        refusal: z.string().nullable().describe("Why it refused the call."),
      })
      .nullable()
      .describe("The peer of the step; null for a step without one."),
    units: known("Work of the call, in work units"),
    sampled: z.boolean().describe("Whether candidates and draws were kept: they are for some calls."),
    candidates: z.array(candidate).describe("Peers that could run the revision; empty unless sampled."),
    draws: nodeNames("The candidates that were drawn"),
  })
  .meta({ id: "ChoiceStep" });

const choice = z
  .object({
    invocation: z.string().describe("Id of the call."),
    at: time("When it was made"),
    node: z.string().describe("Name of the node that made it."),
    app: appName,
    revision: revisionName,
    function: z.string().describe("Name of the function."),
    peers: count("Peers that could run the revision."),
    bias: z.number().describe("How many times sooner a peer had to be: `localBias`."),
    steps: z.array(step).describe("What was tried, in order."),
  })
  .meta({ id: "Choice" });

const masters = z
  .object({
    mesh: z.string().describe("Id of the mesh."),
    masters: z
      .array(
        z.object({
          name: z.string().describe("Name of the master."),
          id: z.string().describe("Its id."),
          url: z.string().nullable().describe("Its HTTPS address."),
          peer: z.string().nullable().describe("`HOST:PORT` that peers dial."),
          fingerprint: z.string().describe("SHA-256 of its key, hex."),
        }),
      )
      .describe("Masters that are not revoked."),
    records: z.array(z.string()).describe("Signed records that prove it to a reader that trusts the root."),
  })
  .meta({ id: "Masters" });

/** `GET /v1/mesh`. */
export const showMesh = {
  method: "GET",
  path: "/v1/mesh",
  summary: "Shows the peers of the asked node with their live state and weights.",
  role: "admin",
  at: "here",
  answers: { 200: answer("The mesh as the node sees it.", json(mesh)) },
} as const satisfies Route;

/** `GET /v1/mesh/why/{invocation}`. */
export const whyCall = {
  method: "GET",
  path: "/v1/mesh/why/{invocation}",
  summary: "Shows why a call of the asked node's clients went where it went.",
  role: "admin",
  at: "here",
  parameters: z.object({ invocation: z.string().describe("The call's `herd-invocation`.") }),
  answers: { 200: answer("The choice, step by step.", json(choice)) },
  problems: ["call.unknown"],
} as const satisfies Route;

/** `GET /v1/masters`. */
export const listMasters = {
  method: "GET",
  path: "/v1/masters",
  summary: "The signed registry of masters.",
  role: "none",
  at: "here",
  answers: { 200: answer("The masters, and the records that prove them.", json(masters)) },
} as const satisfies Route;

/** `GET /crl.pem`. */
export const revocationLists = {
  method: "GET",
  path: "/crl.pem",
  summary: "The newest revocation lists of all issuers (RFC 5280), in PEM.",
  role: "none",
  at: "here",
  answers: { 200: answer("The lists.", bytes("application/x-pem-file")) },
} as const satisfies Route;

/** The live state of a node. */
export type MeshNode = DeepReadonly<z.infer<typeof nodeStats>>;

/** A peer as the asked node sees it. */
export type MeshPeer = DeepReadonly<z.infer<typeof peer>>;

/** The mesh as the asked node sees it. */
export type Mesh = DeepReadonly<z.infer<typeof mesh>>;

/** Why a node was chosen for a call. */
export type Choice = DeepReadonly<z.infer<typeof choice>>;
