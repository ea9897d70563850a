// Requests and answers of a route of the contract: types inferred from its declaration, and both ways over the wire.

import type { IncomingHttpHeaders } from "node:http";
import {
  type AnswerJson,
  type AnyTarget,
  type Content,
  type JsonContent,
  type RawBody,
  type Route,
  type SentBodyOf,
  type TargetOf,
  targetOf,
} from "../api/route.js";
import { tryParseJson } from "../core/json.js";
import { UnreadableAnswerError } from "./errors.js";

/** A body as it is sent, instead of a value of the contract. */
interface SentBytes {
  readonly type: string;
  readonly bytes: string | Buffer;
}

/** What every request may have. */
interface CommonRequest {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** A request as {@link wireRequest} reads it, whatever its route. */
export interface AnyRequest extends CommonRequest, AnyTarget {
  readonly body?: unknown;
  readonly raw?: SentBytes;
}

type BodyPart<R extends Route> = R["body"] extends RawBody
  ? { readonly raw: SentBytes }
  : R["body"] extends JsonContent
    ? undefined extends SentBodyOf<R>
      ? { readonly body?: SentBodyOf<R>; readonly raw?: never } | { readonly raw: SentBytes }
      : { readonly body: SentBodyOf<R>; readonly raw?: never } | { readonly raw: SentBytes }
    : unknown;

/**
 * A request of a route: the declared ones of `parameters`, `query` and `body`. `raw` replaces the body of a route
 * that takes JSON, for a client that sends fields which this version's contract does not declare.
 */
type RouteRequest<R extends Route> = CommonRequest & TargetOf<R> & BodyPart<R>;

/** The arguments after the route: none are needed when the route needs nothing. */
export type RequestArguments<R extends Route> =
  Record<never, never> extends RouteRequest<R> ? [request?: RouteRequest<R>] : [request: RouteRequest<R>];

/** An answer of a route, whole. */
export interface AnyAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The body as the node sent it, with fields that this version does not know. */
  readonly text: string;
  /** The JSON body, parsed; undefined for a body that is no JSON. */
  readonly json: unknown;
}

/** An answer of one of the statuses that a route declares, with the JSON of that status. */
export type RouteAnswer<R extends Route> = {
  [Status in keyof R["answers"]]: AnyAnswer & {
    readonly status: Status;
    readonly json: [AnswerJson<R, Status>] extends [never] ? undefined : AnswerJson<R, Status>;
  };
}[keyof R["answers"]];

/** A request as it goes over the wire. */
export interface WireRequest extends CommonRequest {
  readonly method: Route["method"];
  /** Path and query. */
  readonly path: string;
  readonly body?: string | Buffer;
}

/** The request of a route as it goes over the wire. */
export function wireRequest(route: Route, request: AnyRequest = {}): WireRequest {
  const { body, raw, headers, signal } = request;
  const sent = raw ?? (body === undefined ? undefined : { type: "application/json", bytes: JSON.stringify(body) });
  return {
    method: route.method,
    path: targetOf(route, request),
    headers: { ...(sent === undefined ? {} : { "content-type": sent.type }), ...headers },
    ...(sent === undefined ? {} : { body: sent.bytes }),
    ...(signal === undefined ? {} : { signal }),
  };
}

/** The content that a route declares for an answer of that status and media type; undefined when it declares none. */
export function declaredContent(
  route: Route,
  { status, type = "" }: { readonly status: number; readonly type: string | undefined },
): Content | undefined {
  return route.answers[status]?.contents.find((one) => one.type === "*/*" || mediaType(one.type) === mediaType(type));
}

/**
 * The JSON of an answer, parsed by the schema of its route. Throws {@link UnreadableAnswerError}; `asked` names the
 * request.
 */
export function answerJson(route: Route, answer: Omit<AnyAnswer, "json">, asked: string): unknown {
  const { status, headers, text } = answer;
  const declared = route.answers[status];
  if (declared === undefined) throw new UnreadableAnswerError(asked, { reason: `status ${status}` });
  if (declared.contents.length === 0) return undefined;
  const type = headers["content-type"];
  const content = declaredContent(route, { status, type });
  if (content === undefined) throw new UnreadableAnswerError(asked, { reason: `media type ${type ?? "none"}` });
  if (content.kind !== "json") return undefined;
  const { data, error } = content.schema.safeParse(tryParseJson(text));
  if (error === undefined) return data;
  const [issue] = error.issues;
  const reason = `at /${issue?.path.join("/") ?? ""}: ${issue?.message ?? "unreadable"}`;
  throw new UnreadableAnswerError(asked, { reason, cause: error });
}

function mediaType(type: string): string {
  return type.split(";")[0]?.trim() ?? "";
}
