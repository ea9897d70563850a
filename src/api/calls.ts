// Calls of functions: the routes of the hot path.

import * as z from "zod";
import type { ErrorCode } from "../core/error-codes.js";
import { answer, json, type Route } from "./route.js";
import { appName } from "./values.js";

/** Headers of an answered call; a failed call has those that were known when it failed. */
const callHeaders = {
  "herd-node": "Name of the node that computed the answer.",
  "herd-hops": "`0`, or `1` when a peer computed the answer.",
  "herd-revision": "Revision of the app.",
  "herd-invocation": "Id of the call, for `GET /v1/mesh/why/{invocation}` and logs.",
  "server-timing": "Milliseconds in the queue (`queue`), in the function (`run`) and between the nodes (`hop`).",
} as const;

/** Headers of a call's request. */
export const callRequestHeaders = {
  "herd-deadline-ms": "Bounds the call, in milliseconds; never raises the limit of the node.",
  "herd-node": "Role admin: name of the node that runs the call, for diagnosis.",
} as const;

const problems: readonly ErrorCode[] = [
  "auth.missing",
  "auth.invalid",
  "auth.forbidden",
  "arguments.invalid",
  "app.unknown",
  "function.unknown",
  "node.unknown",
  "request.too-large",
  "media.unsupported",
  "function.trapped",
  "function.out-of-memory",
  "function.result-too-large",
  "function.deadline",
  "node.overloaded",
  "node.draining",
  "node.unavailable",
  "node.paused",
  "node.revoked",
];

const answers = {
  200: { ...answer("The result.", json(z.unknown())), headers: callHeaders },
  204: { ...answer("The function is void."), headers: callHeaders },
} as const;

const parameters = z.object({
  app: appName,
  function: z.string().describe("Name of the function, or `Class.method`."),
});

/** `POST /fn/{app}/{function}`. The server has a path of its own for calls, and parses their JSON in a worker. */
export const invoke = {
  method: "POST",
  path: "/fn/{app}/{function}",
  summary: "Calls a function. The body is an object of arguments by name, or an array of them by position.",
  role: "none",
  at: "here",
  parameters,
  body: json(z.unknown()),
  answers,
  problems,
} as const satisfies Route;

/** `GET /fn/{app}/{function}`. */
export const invokeByQuery = {
  method: "GET",
  path: "/fn/{app}/{function}",
  summary: "Calls a function of which every parameter is a scalar. The query holds the arguments by name.",
  role: "none",
  at: "here",
  parameters,
  answers,
  problems: [...problems, "method.unsupported"],
} as const satisfies Route;
