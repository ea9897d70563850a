// Log records of a node, and of the calls that its clients made.

import * as z from "zod";
import { answer, type DeepReadonly, json, type Route, stream } from "./route.js";
import { flag, limit, time } from "./values.js";

const record = z
  .object({
    at: time("When it was written"),
    node: z.string().describe("Name of the node where it happened."),
    level: z.string().describe("`debug`, `info`, `warn` or `error`."),
    message: z.string().describe("The line."),
    app: z.string().optional().describe("Of a guest's line: its app, and so with the next three."),
    revision: z.string().optional().describe("Its revision."),
    function: z.string().optional().describe("Its function."),
    invocation: z.string().optional().describe("Id of the call."),
  })
  .meta({ id: "LogRecord" });

/** A log record. */
export type LogLine = DeepReadonly<z.infer<typeof record>>;

/** `GET /v1/logs`. */
export const readLogs = {
  method: "GET",
  path: "/v1/logs",
  summary: "Reads log records of the asked node and of its clients' calls; with `follow` also those to come.",
  role: "admin",
  at: "here",
  query: z.object({
    app: z.string().optional().describe("Only records of this app."),
    limit: limit(1_000, "The newest records"),
    follow: flag("Answers with lines of JSON that do not end. An empty line is a heartbeat."),
  }),
  answers: {
    200: answer("The records, oldest first.", json(z.array(record)), stream("application/x-ndjson", record)),
  },
  problems: ["request.throttled", "node.overloaded"],
} as const satisfies Route;

/** A line of `GET /v1/logs?follow=true`, parsed. Throws ZodError. */
export function logLineOf(text: string): LogLine {
  return record.parse(JSON.parse(text));
}
