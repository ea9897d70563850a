// Apps: upload, list, show, remove, roll back, and the artifacts that tools read.

import * as z from "zod";
import { answer, bytes, type DeepReadonly, json, type Route } from "./route.js";
import { appName, count, durableHeader, flag, known, nodeNames, revisionName, time } from "./values.js";

/** A JSON Schema of 2020-12: the keywords that interfaces use. */
export interface Schema {
  readonly type?: string;
  readonly $ref?: string;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly string[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly contentEncoding?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly description?: string;
  readonly default?: unknown;
  /** Source text of a default that is no JSON. */
  readonly "x-default"?: string;
}

/** A parameter of a function: the schema of its value, its name, and whether a call may leave it out. */
export interface Parameter extends Schema {
  readonly name: string;
  readonly optional: boolean;
}

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;
const schema = z.custom<Schema>(isObject).meta({ type: "object", description: "A JSON Schema of 2020-12." });
const parameter = z
  .custom<Parameter>((value) => isObject(value) && "name" in (value as object) && "optional" in (value as object))
  .meta({ type: "object", description: "The JSON Schema of a value, with `name` and `optional` of the parameter." });

/** Stats of the calls of a function at the asked node in the last minute. */
export const callStats = z
  .object({
    calls: count("Calls that ended."),
    errors: count("Calls that failed."),
    perSecond: z.number().describe("Calls a second."),
    p50Ms: known("Median time of an answered call, in milliseconds"),
    p99Ms: known("99th percentile of the time of an answered call, in milliseconds"),
  })
  .meta({ id: "CallStats" });

const appFunction = z
  .object({
    name: z.string().describe("The exported name; of a method `Class.method`."),
    url: z.string().describe("Its endpoint."),
    doc: z.string().optional().describe("Its doc comment."),
    parameters: z.array(parameter).describe("Its parameters by position, `self` of a method first."),
    result: schema.nullable().describe("The JSON Schema of the result; null for void."),
  })
  .meta({ id: "AppFunction" });

const limits = z
  .record(z.string(), z.number())
  .describe("Limits of the asked node by name: bytes, milliseconds and counts, as the configuration has them.");

const app = z
  .object({
    app: appName,
    revision: revisionName,
    revisions: z
      .array(
        z.object({
          revision: revisionName,
          at: time("When it was deployed"),
          by: z.string().describe("Id of the token that deployed."),
        }),
      )
      .describe("Deployments, oldest first."),
    functions: z
      .array(appFunction.extend({ lastMinute: callStats.optional().describe("Absent without a call.") }))
      .describe("Functions and methods that can be called."),
    types: z.record(z.string(), schema).describe("Named types, by name: `#/types/NAME` in the schemas of functions."),
    limits,
    public: z.boolean().describe("Whether calls need no token."),
    nodes: nodeNames("Nodes that can run the revision, the asked one first"),
  })
  .meta({ id: "App" });

const listed = app
  .extend({
    unlisted: z
      .object({ code: z.string().describe("Code of the error."), detail: z.string().describe("What happened.") })
      .optional()
      .describe("Why the app is listed without functions: the list is full, or the component cannot be read."),
  })
  .meta({ id: "ListedApp" });

const deployed = z
  .object({
    app: appName,
    revision: revisionName,
    functions: z.array(appFunction).describe("Functions and methods that can be called."),
    nodes: app.shape.nodes,
  })
  .meta({ id: "DeployedApp" });

const source = z
  .object({
    app: appName,
    revision: revisionName,
    files: z
      .array(z.object({ path: z.string().describe("Relative path."), text: z.string().describe("The whole text.") }))
      .describe("Source files as they were uploaded."),
  })
  .meta({ id: "AppSource" });

const named = z.object({ app: appName });

/** Codes of routes that read an interface: the node reads it from the component's bytes, missing or refused perhaps. */
const problemsOfInterface = [
  "app.unknown",
  "revision.unknown",
  "source.invalid",
  "compile.timeout",
  "node.overloaded",
  "node.unavailable",
] as const;

/** `GET /v1/apps`. */
export const listApps = {
  method: "GET",
  path: "/v1/apps",
  summary: "Lists the apps. A token for one app gets that app.",
  role: "invoke",
  scoped: true,
  at: "here",
  answers: { 200: answer("The apps by name, or none.", json(z.array(listed))) },
} as const satisfies Route;

/** `GET /v1/apps/{app}`. */
export const showApp = {
  method: "GET",
  path: "/v1/apps/{app}",
  summary: "Shows an app with its functions, types, revisions and limits.",
  role: "invoke",
  at: "here",
  parameters: named,
  answers: { 200: answer("The app.", json(app)) },
  problems: problemsOfInterface,
} as const satisfies Route;

/** `PUT /v1/apps/{app}`. */
export const deployApp = {
  method: "PUT",
  path: "/v1/apps/{app}",
  summary: "Deploys source as a new revision of an app.",
  role: "deploy",
  at: "deployer",
  parameters: named,
  query: z.object({
    public: flag("Whether calls need no token; when not given, the app keeps its setting, and a new app is private."),
  }),
  body: { kind: "raw", types: ["text/plain", "application/typescript", "multipart/form-data"] },
  answers: {
    200: answer("A new revision of an app that was there.", json(deployed)),
    201: answer("A new app.", json(deployed)),
  },
  problems: [
    "source.invalid",
    "type.unsupported",
    "compile.busy",
    "compile.timeout",
    "node.draining",
    "node.overloaded",
    "request.throttled",
    "state.conflict",
    "storage.full",
  ],
} as const satisfies Route;

/** `DELETE /v1/apps/{app}`. */
export const removeApp = {
  method: "DELETE",
  path: "/v1/apps/{app}",
  summary: "Removes an app from every node.",
  role: "deploy",
  at: "deployer",
  parameters: named,
  answers: { 204: { ...answer("Removed."), headers: durableHeader } },
  problems: ["app.unknown", "node.draining"],
} as const satisfies Route;

/** `POST /v1/apps/{app}/rollback`. */
export const rollbackApp = {
  method: "POST",
  path: "/v1/apps/{app}/rollback",
  summary: "Makes an earlier revision the current one.",
  role: "deploy",
  at: "deployer",
  parameters: named,
  body: json(
    z
      .strictObject({
        revision: z.string().max(64).optional().describe("The revision; when not given, the one before."),
      })
      .optional(),
  ),
  answers: { 200: answer("The app as it is now.", json(deployed)) },
  problems: ["app.unknown", "revision.unknown", "source.invalid", "compile.timeout", "node.draining", "storage.full"],
} as const satisfies Route;

/** `GET /v1/apps/{app}/openapi.json`. */
export const appOpenApi = {
  method: "GET",
  path: "/v1/apps/{app}/openapi.json",
  summary: "Describes an app's endpoints in OpenAPI 3.1.",
  role: "invoke",
  at: "here",
  parameters: named,
  answers: { 200: answer("The document.", json(z.record(z.string(), z.unknown()))) },
  problems: problemsOfInterface,
} as const satisfies Route;

/** `GET /v1/apps/{app}/component.wasm`. */
export const appComponent = {
  method: "GET",
  path: "/v1/apps/{app}/component.wasm",
  summary: "The component of an app's current revision.",
  role: "invoke",
  at: "here",
  parameters: named,
  answers: {
    200: { ...answer("The component.", bytes("application/wasm")), headers: { "herd-revision": "Its revision." } },
  },
  problems: ["app.unknown", "revision.unknown", "node.unavailable"],
} as const satisfies Route;

/** `GET /v1/apps/{app}/interface.wit`. */
export const appWit = {
  method: "GET",
  path: "/v1/apps/{app}/interface.wit",
  summary: "The interface of an app's current revision in WIT.",
  role: "invoke",
  at: "here",
  parameters: named,
  answers: { 200: answer("The interface.", bytes("text/plain; charset=utf-8")) },
  problems: problemsOfInterface,
} as const satisfies Route;

/** `GET /v1/apps/{app}/source`. */
export const appSource = {
  method: "GET",
  path: "/v1/apps/{app}/source",
  summary: "The source of a revision of an app.",
  role: "invoke",
  at: "here",
  parameters: named,
  query: z.object({ revision: z.string().optional().describe("The revision; the current one when not given.") }),
  answers: { 200: answer("The files.", json(source)) },
  problems: ["app.unknown", "revision.unknown", "node.unavailable"],
} as const satisfies Route;

/** Stats of the calls of a function in the last minute. */
export type CallStats = DeepReadonly<z.infer<typeof callStats>>;

/** A function of an app. */
export type AppFunction = DeepReadonly<z.infer<typeof app>["functions"][number]>;

/** An app. */
export type App = DeepReadonly<z.infer<typeof app>>;

/** An app in a list. */
export type ListedApp = DeepReadonly<z.infer<typeof listed>>;

/** An app as it was deployed. */
export type DeployedApp = DeepReadonly<z.infer<typeof deployed>>;

/** The source of a revision. */
export type AppSource = DeepReadonly<z.infer<typeof source>>;
