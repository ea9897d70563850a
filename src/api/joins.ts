// Joining: what a node that wants in sends, and what people decide about those that wait.

import * as z from "zod";
import { nodeIdPattern } from "../core/node-id.js";
import { answer, type DeepReadonly, json, type Route } from "./route.js";
import { here, host, time } from "./values.js";

/** The largest body of a request to join, in bytes. */
const joinBodyBytes = 65_536;

const signed = z
  .object({
    payload: z.string().describe("The JSON text that was signed."),
    signer: z.string().describe("Id of the node that signed."),
    signature: z.string().describe("Ed25519 signature of the payload, base64."),
  })
  .meta({ id: "Signed" });

/** A request to join: the signed statement of a node, and the proof of a join token when it has one. */
export const joinBody = z
  .strictObject({
    v: z.literal(1).describe("Version of the shape."),
    signed: z
      .strictObject({
        payload: z
          .string()
          .max(joinBodyBytes)
          .describe("JSON: name, key, certificate requests, hosts, nonce and time."),
        signer: z.string().max(32).describe("Id of the node: 32 hex digits of its key's SHA-256."),
        signature: z
          .string()
          .regex(/^[A-Za-z0-9+/]{86}==$/)
          .describe("Ed25519 signature of the payload, base64."),
      })
      .describe("The statement of the node."),
    token: z
      .strictObject({
        id: z
          .string()
          .regex(/^[0-9a-f]{16}$/)
          .describe("Id of the token."),
        keeper: z.string().regex(nodeIdPattern).describe("Id of the master that keeps the token."),
        proof: z
          .string()
          .regex(/^[A-Za-z0-9_-]{43}$/)
          .describe("HMAC-SHA-256 of the payload under the token's secret, base64url."),
      })
      .optional()
      .describe("Proof of a join token; without one a person decides."),
  })
  .meta({ id: "JoinRequest" });

const enrolled = z
  .object({
    v: z.literal(1).describe("Version of the shape."),
    signed: signed.describe("JSON: certificates, and the key that tokens are verified with."),
    records: z.array(z.string()).describe("Signed records that prove the master that signed, and the mesh's state."),
  })
  .meta({ id: "Enrollment" });

const waiting = z
  .object({
    id: z.string().describe("Ticket for `GET /v1/join/{id}`, known to the joining node alone."),
    code: z.string().describe("What the joining node and `herd join list` both show, `XXXX-XXXX-XXXX`."),
    retryAfterMs: z.int().describe("Delay before the next poll, in milliseconds."),
  })
  .meta({ id: "WaitingJoin" });

/** A request that waits for a person. */
export const pendingJoin = z
  .object({
    id: z.string().describe("Id for approve and reject."),
    name: z.string().describe("Name that the node wants."),
    fingerprint: z.string().describe("SHA-256 of its key, hex."),
    code: waiting.shape.code,
    since: time("When it asked"),
    hosts: z.array(z.string()).describe("Names and addresses that it wants in its certificate."),
    address: z.string().describe("IP address that it asked from."),
    parent: z.string().describe("Id of the node that it asked."),
  })
  .meta({ id: "PendingJoin" });

const answers = {
  200: answer("The node is in.", json(enrolled)),
  202: answer("A person decides.", json(waiting)),
} as const;

const ticket = z.object({ id: z.string().describe("Ticket of the request.") });
const named = z.object({ id: z.string().describe("Id of the request.") });

/** `POST /v1/join`. */
export const join = {
  method: "POST",
  path: "/v1/join",
  summary: "Requests certificates of the mesh: with a join token, without one, or again with certificates that ended.",
  role: "none",
  at: "keeper",
  body: json(joinBody),
  bodyLimitBytes: joinBodyBytes,
  answers,
  problems: ["join.refused", "request.throttled", "state.conflict", "storage.full"],
} as const satisfies Route;

/** `GET /v1/join/{id}`. */
export const pollJoin = {
  method: "GET",
  path: "/v1/join/{id}",
  summary: "Polls a request to join.",
  role: "none",
  at: "keeper",
  parameters: ticket,
  answers,
  problems: ["join.refused", "join.unknown", "request.throttled"],
} as const satisfies Route;

/** `GET /v1/joins`. */
export const listJoins = {
  method: "GET",
  path: "/v1/joins",
  summary: "Lists the requests that wait for a person, at every master.",
  role: "admin",
  at: "masters",
  query: here,
  answers: { 200: answer("The requests, oldest first.", json(z.array(pendingJoin))) },
} as const satisfies Route;

/** `POST /v1/joins/{id}/approve`. */
export const approveJoin = {
  method: "POST",
  path: "/v1/joins/{id}/approve",
  summary: "Lets a node in.",
  role: "admin",
  at: "keeper",
  parameters: named,
  body: json(
    z
      .strictObject({
        deploy: z.boolean().optional().describe("Whether it may deploy, if it asked to; true when not given."),
        hosts: z.array(host).max(16).optional().describe("Replaces the names and addresses that it asked for."),
      })
      .optional(),
  ),
  answers: {
    200: answer(
      "The node is in.",
      json(z.object({ node: z.string().describe("Id of the node."), name: z.string().describe("Its name.") })),
    ),
  },
  problems: ["join.unknown", "join.refused", "state.conflict", "storage.full"],
} as const satisfies Route;

/** `POST /v1/joins/{id}/reject`. */
export const rejectJoin = {
  method: "POST",
  path: "/v1/joins/{id}/reject",
  summary: "Turns a node away.",
  role: "admin",
  at: "keeper",
  parameters: named,
  answers: { 204: answer("Rejected.") },
  problems: ["join.unknown"],
} as const satisfies Route;

/** A request to join. */
export type JoinBody = DeepReadonly<z.infer<typeof joinBody>>;

/** The signed answer that lets a node in. */
export type Enrolled = DeepReadonly<z.infer<typeof enrolled>>;

/** The answer while a person decides. */
export type WaitingJoin = DeepReadonly<z.infer<typeof waiting>>;

/** A request that waits for a person. */
export type PendingJoin = DeepReadonly<z.infer<typeof pendingJoin>>;
