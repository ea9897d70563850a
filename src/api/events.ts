// The events of the mesh, as server-sent events.

import * as z from "zod";
import { callStats } from "./apps.js";
import { mesh } from "./mesh.js";
import { answer, type DeepReadonly, type Route, stream } from "./route.js";
import { flag, time } from "./values.js";

const event = <const Type extends string, Shape extends z.ZodRawShape>(type: Type, shape: Shape) =>
  z.object({ type: z.literal(type).describe("What happened."), at: time("When it happened"), ...shape });

const node = z.string().describe("Name of the node.");
const id = z.string().describe("Id of the node.");
const app = z.string().describe("Name of the app.");
const by = z.string().describe("The actor, as in the audit log.");
const decided = { node, id, by, detail: z.string().describe("Further details, in words.") };
const changed = { app, by };

/** Every event by its type. */
export const meshEvent = z
  .discriminatedUnion("type", [
    event("node.state", { node, id, state: z.string().describe("Its new state, as in `GET /v1/mesh`.") }),
    event("node.owner", {
      node,
      id,
      owner: z.string().describe("What its owner leaves to calls now, a state of `GET /v1/policy`."),
      slots: z.int().describe("Calls that it may run at once."),
    }),
    event("node.revoked", { node, id }),
    event("join.pending", {
      request: z.string().describe("Id for approve and reject."),
      node,
      code: z.string().describe("The code that the joining node shows."),
      address: z.string().describe("IP address that it asked from."),
    }),
    event("join.approved", decided),
    event("join.refused", decided),
    event("app.deployed", changed),
    event("app.rolled-back", changed),
    event("app.removed", changed),
    event("figures", {
      mesh: mesh.describe("As `GET /v1/mesh`."),
      apps: z
        .record(
          z.string(),
          z.object({
            revision: z.string().describe("Its revision."),
            functions: z.record(z.string(), callStats).describe("By name; those that were called in the last minute."),
          }),
        )
        .describe("Apps by name."),
    }),
  ])
  .meta({ id: "MeshEvent" });

/** An event as it is sent. */
export type SentEvent = DeepReadonly<z.infer<typeof meshEvent>>;

/** `GET /v1/events`. */
export const followEvents = {
  method: "GET",
  path: "/v1/events",
  summary: "Events of the mesh as they happen (server-sent events). The event's name is the type of its data.",
  role: "admin",
  at: "here",
  query: z.object({
    figures: flag("Adds an event `figures` each second, with the mesh and the calls of each function."),
  }),
  answers: { 200: answer("A comment, then events. Comments are heartbeats.", stream("text/event-stream", meshEvent)) },
  problems: ["request.throttled", "node.overloaded"],
} as const satisfies Route;
