// The declaration of a route of the HTTPS interface, for the server, for clients and for the reference.

import type { z } from "zod";
import type { ErrorCode } from "../core/error-codes.js";
import type { Role } from "./roles.js";

/** Methods that routes answer. HEAD follows from GET, and OPTIONS from the routes of a path. */
type Method = "GET" | "POST" | "PUT" | "DELETE";

/**
 * Which node answers. `here`: the asked node. `master`, `deployer`: a node with this mark. `named`: the node that the
 * path names. `keeper`: the master that keeps the join or token of the request. `masters`: the asked node, with the
 * records that each master keeps. The asked node relays the request to the node that answers; peers may relay all
 * routes but those of `here`.
 */
export type Place = "here" | "master" | "deployer" | "named" | "keeper" | "masters";

/** A JSON body. */
export interface JsonContent<Schema extends z.ZodType = z.ZodType> {
  readonly kind: "json";
  readonly type: "application/json";
  readonly schema: Schema;
}

/** A body of one media type that is no JSON. */
export interface BytesContent {
  readonly kind: "bytes";
  readonly type: string;
}

/** A body without end, of lines or events that each have `item` as their JSON. */
export interface StreamContent {
  readonly kind: "stream";
  readonly type: string;
  readonly item: z.ZodType;
}

/** The kinds of content of an answer. */
export type Content = JsonContent | BytesContent | StreamContent;

/** An answer of one status. A query may choose among several contents. */
export interface Answer {
  readonly description: string;
  readonly contents: readonly Content[];
  /** Headers that the answer may have, by lower-case name, each with its meaning. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request's body in one of several media types, which the handler reads itself. */
export interface RawBody {
  readonly kind: "raw";
  readonly types: readonly string[];
}

/** The declaration of a route. */
export interface Route {
  readonly method: Method;
  /** As OpenAPI writes it: `/v1/apps/{app}`. */
  readonly path: string;
  readonly summary: string;
  /** The token's role; `none` for everybody, `loopback` for everybody on the node's machine and admins elsewhere. */
  readonly role: Role | "none" | "loopback";
  /** Whether a token for one app is accepted too; the answer is limited to that app. */
  readonly scoped?: true;
  /** Whether the secret of the machine's owner is accepted instead of a token. Nodes do not relay the secret. */
  readonly byOwner?: true;
  readonly at: Place;
  /** Parameters of the path, decoded. */
  readonly parameters?: z.ZodObject;
  /** Parameters of the query, decoded. A parameter that is not declared is ignored. */
  readonly query?: z.ZodObject;
  readonly body?: JsonContent | RawBody;
  /** The largest JSON body, in bytes; 64 KiB when not given. */
  readonly bodyLimitBytes?: number;
  /** Answers by status; those of {@link Route.problems} have a problem document. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** Codes of this route beside those that follow from its declaration: see src/api/route-problems.ts. */
  readonly problems?: readonly ErrorCode[];
}

/** The largest JSON body of a route that declares none, in bytes. */
export const jsonLimitBytes = 65_536;

/** A JSON body of a schema. */
export function json<Schema extends z.ZodType>(schema: Schema): JsonContent<Schema> {
  return { kind: "json", type: "application/json", schema };
}

/** A body of a media type. */
export function bytes(type: string): BytesContent {
  return { kind: "bytes", type };
}

/** A body of a media type without end, made of lines or events of a schema. */
export function stream(type: string, item: z.ZodType): StreamContent {
  return { kind: "stream", type, item };
}

/** An answer with one of these contents. */
export function answer<const Contents extends readonly Content[]>(
  description: string,
  ...contents: Contents
): { readonly description: string; readonly contents: Contents } {
  return { description, contents };
}

/** A value of the contract, with every property read-only. */
export type DeepReadonly<Value> = Value extends readonly (infer Element)[]
  ? readonly DeepReadonly<Element>[]
  : Value extends object
    ? { readonly [key in keyof Value]: DeepReadonly<Value[key]> }
    : Value;

/** Parsed parameters of a route's path. */
export type ParametersOf<R extends Route> = R["parameters"] extends z.ZodObject ? z.output<R["parameters"]> : unknown;

/** Parsed parameters of a route's query. */
export type QueryOf<R extends Route> = R["query"] extends z.ZodObject ? z.output<R["query"]> : unknown;

/** Parameters of a route's query as a client writes them. */
type SentQueryOf<R extends Route> = R["query"] extends z.ZodObject ? z.input<R["query"]> : unknown;

/** The parsed JSON body of a route's request; undefined for a route without one. */
export type BodyOf<R extends Route> = R["body"] extends JsonContent<infer Schema> ? z.output<Schema> : undefined;

/** The JSON that a client sends. */
export type SentBodyOf<R extends Route> = R["body"] extends JsonContent<infer Schema> ? z.input<Schema> : undefined;

/** The JSON of a route's answers of one status. */
export type AnswerJson<
  R extends Route,
  Status extends keyof R["answers"] = keyof R["answers"],
> = R["answers"][Status] extends { readonly contents: infer Contents extends readonly Content[] }
  ? JsonIn<Contents[number]>
  : never;

type JsonIn<One> = One extends JsonContent<infer Schema> ? DeepReadonly<z.output<Schema>> : never;

/** Header names that a route's answers of one status declare. */
export type HeaderOf<R extends Route, Status extends keyof R["answers"]> = R["answers"][Status] extends {
  readonly headers: infer Headers;
}
  ? keyof Headers & string
  : never;

/** A route for a client whose query chooses one of several shapes of the answer: see {@link narrowed}. */
export type Narrowed<R extends Route, Schema extends z.ZodType> = Omit<R, "answers"> & {
  readonly answers: {
    readonly 200: { readonly description: string; readonly contents: readonly [JsonContent<Schema>] };
  };
};

/** `route` for a client whose query chooses one of the shapes that the answer may have. */
export function narrowed<const R extends Route, Schema extends z.ZodType>(
  route: R,
  schema: Schema,
): Narrowed<R, Schema> {
  return { ...route, answers: { 200: answer(route.summary, json(schema)) } };
}

type ParametersPart<R extends Route> = R["parameters"] extends z.ZodObject
  ? { readonly parameters: Readonly<ParametersOf<R>> }
  : unknown;

type QueryPart<R extends Route> = R["query"] extends z.ZodObject
  ? { readonly query?: Readonly<SentQueryOf<R>> }
  : unknown;

/** The parameters of path and query that a route declares, as a client gives them. */
export type TargetOf<R extends Route> = ParametersPart<R> & QueryPart<R>;

/** Parameters of path and query, whatever the route. */
export interface AnyTarget {
  readonly parameters?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | undefined>>;
}

/** Path and query of a request of a route. Throws TypeError when a parameter of the path is missing. */
export function targetOf(route: Route, { parameters, query = {} }: AnyTarget = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, value);
  return pathOf(route.path, parameters) + (search.size === 0 ? "" : `?${search}`);
}

/**
 * The path of a route with its parameters, escaped (RFC 3986, section 2.1). Throws TypeError for a missing parameter.
 */
export function pathOf(path: string, parameters: Readonly<Record<string, string>> = {}): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = parameters[name];
    if (value === undefined) throw new TypeError(`the path ${path} needs ${name}`);
    return encodeURIComponent(value);
  });
}
