// An endpoint: a route of the contract with the handler that answers it.

import type { z } from "zod";
import {
  type BodyOf,
  type BytesContent,
  type Content as ContentType,
  type DeepReadonly,
  type HeaderOf,
  type JsonContent,
  jsonLimitBytes,
  type ParametersOf,
  type Place,
  type QueryOf,
  type Route,
  type StreamContent,
} from "../../api/route.js";
import type { Claims } from "../../pki/tokens/claims.js";
import type { Content, HttpAnswer, JsonText, Streamed } from "./http-answer.js";
import type { HttpRequest } from "./http-request.js";
import type { Where } from "./place.js";

/** A request of a route, parsed by the route's schemas. */
export interface EndpointRequest<R extends Route = Route> {
  readonly parameters: ParametersOf<R>;
  readonly query: QueryOf<R>;
  readonly body: BodyOf<R>;
  /** The token's claims; undefined where the route needs none, and for the owner's secret. */
  readonly claims: Claims | undefined;
  /** Id of that token; empty where there is none. */
  readonly by: string;
  readonly http: HttpRequest;
}

/** The answers that a route declares, as its handler makes them. */
type EndpointAnswer<R extends Route> = {
  [Status in keyof R["answers"] & number]: {
    readonly status: Status;
    readonly body: R["answers"][Status] extends { readonly contents: infer Contents extends readonly ContentType[] }
      ? BodyIn<Contents>
      : never;
    readonly headers?: Readonly<Partial<Record<HeaderOf<R, Status> | PassedHeader, string>>>;
  };
}[keyof R["answers"] & number];

/** Headers that no route declares: of caches and of pages. */
type PassedHeader =
  | "cache-control"
  | "content-encoding"
  | "content-security-policy"
  | "cross-origin-opener-policy"
  | "cross-origin-resource-policy"
  | "referrer-policy"
  | "vary";

type BodyIn<Contents extends readonly ContentType[]> = Contents extends readonly []
  ? undefined
  : BodyAs<Contents[number]>;

type BodyAs<One> =
  One extends JsonContent<infer Schema>
    ? DeepReadonly<z.input<Schema>> | JsonText
    : One extends BytesContent
      ? Content
      : One extends StreamContent
        ? Streamed
        : never;

/** A route with its handler, as the chain calls it. */
export interface Endpoint {
  readonly route: Route;
  /** Which node answers this request. */
  where(request: EndpointRequest): Where | "here" | Promise<Where | "here">;
  /** The largest body that is read or relayed, in bytes. */
  readonly bodyLimitBytes: number;
  handle(request: EndpointRequest): UntypedAnswer | Promise<UntypedAnswer>;
}

/** An answer whose type the compiler checked where the endpoint was made. */
export interface UntypedAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: HttpAnswer["headers"];
}

/** How a route is answered. */
export interface EndpointOptions<R extends Route> {
  /** Which node answers; required where the route's place depends on the request. */
  where?(request: EndpointRequest<R>): Where | "here" | Promise<Where | "here">;
  /** The largest body in bytes, where the configuration sets it. */
  readonly bodyLimitBytes?: number;
  handle(request: EndpointRequest<R>): EndpointAnswer<R> | Promise<EndpointAnswer<R>>;
}

/** The endpoint of a route. Throws TypeError without `where` for a route whose place depends on the request. */
export function endpoint<const R extends Route>(route: R, options: EndpointOptions<R>): Endpoint {
  const place = options.where === undefined ? fixedPlace(route) : undefined;
  return {
    route,
    // The casts hold because the chain parses a request by its route before it calls `where` or `handle`.
    where: (request) => place ?? options.where?.(request as EndpointRequest<R>) ?? "here",
    bodyLimitBytes: options.bodyLimitBytes ?? route.bodyLimitBytes ?? jsonLimitBytes,
    handle: (request) => options.handle(request as EndpointRequest<R>) as UntypedAnswer | Promise<UntypedAnswer>,
  };
}

/** An answer of status 200. */
export function ok<Body, Headers extends HttpAnswer["headers"] = Record<never, string>>(
  body: Body,
  headers?: Headers,
): { readonly status: 200; readonly body: Body; readonly headers: Headers } {
  return { status: 200, body, headers: headers ?? ({} as Headers) };
}

/** An answer of status 201. */
export function created<Body>(body: Body): { readonly status: 201; readonly body: Body } {
  return { status: 201, body };
}

/** An answer of status 204. */
export function empty<Headers extends HttpAnswer["headers"] = Record<never, string>>(
  headers?: Headers,
): { readonly status: 204; readonly body: undefined; readonly headers: Headers } {
  return { status: 204, body: undefined, headers: headers ?? ({} as Headers) };
}

const fixedPlaces: Readonly<Partial<Record<Place, Where | "here">>> = {
  here: "here",
  masters: "here",
  master: "master",
  deployer: "deployer",
};

function fixedPlace({ at, path }: Route): Where | "here" {
  const place = fixedPlaces[at];
  if (place === undefined) throw new TypeError(`the endpoint of ${path} must say where it acts`);
  return place;
}
