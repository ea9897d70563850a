// Parses a request by its route: parameters, query and JSON body, each once. A refusal names the field that does not
// fit.

import type { Route } from "../../api/route.js";
import { schemaProblem } from "../../api/schema-problem.js";
import { HerdError } from "../../core/errors.js";
import { parseJsonBytes } from "../../core/json.js";
import { decodedParameter, type HttpRequest } from "./http-request.js";

/** The parameters of a path, decoded and parsed. Throws `request.malformed`. */
export function parseParameters(route: Route, raw: Readonly<Record<string, string>>): unknown {
  const decoded = Object.fromEntries(Object.entries(raw).map(([name, value]) => [name, decodedParameter(value)]));
  if (route.parameters === undefined) return decoded;
  const parsed = route.parameters.safeParse(decoded);
  if (parsed.success) return parsed.data;
  throw new HerdError("request.malformed", parsed.error.issues[0]?.message ?? "the path does not fit");
}

/** The declared parameters of a query. Throws `request.malformed`, also for a parameter that is given twice. */
export function parseQuery(route: Route, query: string): unknown {
  if (query.includes("%")) checkQuery(query);
  if (route.query === undefined) return {};
  const given = new URLSearchParams(query);
  const values: Record<string, string> = {};
  for (const name of Object.keys(route.query.shape)) {
    const [value, ...more] = given.getAll(name);
    if (more.length > 0) throw malformedQuery(name, "it is given more than once");
    if (value !== undefined) values[name] = value;
  }
  const parsed = route.query.safeParse(values);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw malformedQuery(String(issue?.path[0] ?? ""), issue?.message ?? "it cannot be read");
}

/** The JSON body of a route that declares one; else undefined. Throws `request.malformed` and `request.too-large`. */
export async function parseBody(
  route: Route,
  { http, limitBytes }: { readonly http: HttpRequest; readonly limitBytes: number },
): Promise<unknown> {
  if (route.body?.kind !== "json") return undefined;
  const value = jsonOf(await http.body(limitBytes));
  const parsed = route.body.schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw schemaProblem(parsed.error.issues);
}

/** The JSON in a body, undefined for none. Throws `request.malformed`. */
function jsonOf(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  try {
    return parseJsonBytes(body);
  } catch (error) {
    throw new HerdError("request.malformed", "the body is not JSON in UTF-8", { cause: error });
  }
}

function malformedQuery(name: string, reason: string): HerdError {
  return new HerdError("request.malformed", `the query parameter ${name}: ${reason}`);
}

/** Checks that a query is percent-encoded UTF-8: `URLSearchParams` would replace other bytes without an error. */
function checkQuery(raw: string): void {
  try {
    decodeURIComponent(raw);
  } catch (error) {
    throw new HerdError("request.malformed", "the query is not percent-encoded UTF-8", { cause: error });
  }
}
