// The router: finds the endpoint of a path and a method, for requests of clients and of peers.

import type { Route } from "../../api/route.js";
import type { Endpoint } from "./endpoint.js";
import type { RequestContext } from "./request-context.js";

/** A route that answers past the chain: the hot path. */
export interface HotRoute {
  readonly route: Route;
  /** Answers a request, with the parameters of its path, percent-encoded. */
  handle(context: RequestContext, parameters: Readonly<Record<string, string>>): void;
}

/** An endpoint with its parameters from the path, percent-encoded. */
export interface Match {
  readonly endpoint: Endpoint;
  readonly parameters: Readonly<Record<string, string>>;
}

/** The endpoints of a path. */
export interface Served {
  /** The path's methods, as the header `Allow` lists them (RFC 9110, section 10.2.1). */
  readonly allow: string;
  /** The endpoint of a method; HEAD has that of GET. Undefined when the path does not support the method. */
  match(method: string): Match | undefined;
  /** The route of the hot path for a method. */
  hot(method: string): HotRoute | undefined;
  /** The parameters of the path, percent-encoded. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** The routes of one path. */
interface Pattern {
  readonly segments: readonly string[];
  readonly endpoints: Map<string, Endpoint>;
  readonly hot: Map<string, HotRoute>;
  readonly methods: Set<string>;
}

/** The table of all paths. */
export class Router {
  readonly #patterns = new Map<string, Pattern>();

  constructor(endpoints: readonly Endpoint[], hotRoutes: readonly HotRoute[] = []) {
    for (const hotRoute of hotRoutes) {
      const { hot, methods } = this.#patternOf(hotRoute.route);
      hot.set(hotRoute.route.method, hotRoute);
      methods.add(hotRoute.route.method);
    }
    for (const endpoint of endpoints) {
      const { endpoints: known, methods } = this.#patternOf(endpoint.route);
      known.set(endpoint.route.method, endpoint);
      methods.add(endpoint.route.method);
      if (endpoint.route.method === "GET") methods.add("HEAD");
    }
  }

  /** The endpoints of a path; undefined when no route matches. */
  find(path: string): Served | undefined {
    const segments = path.split("/");
    for (const pattern of this.#patterns.values())
      if (matches(pattern.segments, segments)) return new FoundPath(pattern, segments);
    return undefined;
  }

  #patternOf({ path }: Route): Pattern {
    const known = this.#patterns.get(path);
    if (known !== undefined) return known;
    const pattern: Pattern = { segments: path.split("/"), endpoints: new Map(), hot: new Map(), methods: new Set() };
    this.#patterns.set(path, pattern);
    return pattern;
  }
}

class FoundPath implements Served {
  readonly parameters: Readonly<Record<string, string>>;
  readonly #pattern: Pattern;

  constructor(pattern: Pattern, segments: readonly string[]) {
    this.#pattern = pattern;
    this.parameters = parametersOf(pattern.segments, segments);
  }

  get allow(): string {
    return [...this.#pattern.methods, "OPTIONS"].join(", ");
  }

  match(method: string): Match | undefined {
    const endpoint = this.#pattern.endpoints.get(method === "HEAD" ? "GET" : method);
    return endpoint && { endpoint, parameters: this.parameters };
  }

  hot(method: string): HotRoute | undefined {
    return this.#pattern.hot.get(method);
  }
}

/** Whether the segments of a path fit a pattern, in which `{name}` stands for one segment that is not empty. */
export function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  if (pattern.length !== segments.length) return false;
  for (let index = 0; index < pattern.length; index++) {
    const part = pattern[index] ?? "";
    const segment = segments[index] ?? "";
    if (part !== segment && !(isParameter(part) && segment !== "")) return false;
  }
  return true;
}

function parametersOf(pattern: readonly string[], segments: readonly string[]): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (let index = 0; index < pattern.length; index++) {
    const part = pattern[index] ?? "";
    if (isParameter(part)) parameters[part.slice(1, -1)] = segments[index] ?? "";
  }
  return parameters;
}

function isParameter(part: string): boolean {
  return part.startsWith("{");
}
