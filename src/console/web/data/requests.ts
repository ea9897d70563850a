// Requests to the node by the routes of the contract: typed, with the token, each answer checked by its route's schema.

import {
  type AnswerJson,
  type AnyTarget,
  type JsonContent,
  type RawBody,
  type Route,
  type SentBodyOf,
  type TargetOf,
  targetOf,
} from "../../../api/route.ts";
import { networkProblem, problemOf } from "./problem.ts";
import { readable } from "./readable.ts";
import { refused, token } from "./session.ts";

/** What a request of any route may have. */
interface AnyRequest extends AnyTarget {
  /** Sent as JSON. */
  readonly body?: unknown;
  /** The files of an upload. */
  readonly form?: FormData;
  readonly signal?: AbortSignal | undefined;
  /** Replaces the token of the session; null sends none. */
  readonly token?: string | null;
}

/** What a request of this route has: parameters and body as the route declares them. */
export type RequestOf<R extends Route> = Pick<AnyRequest, "signal" | "token"> &
  TargetOf<R> &
  (R["body"] extends JsonContent ? BodyIn<SentBodyOf<R>> : unknown) &
  (R["body"] extends RawBody ? { readonly form: FormData } : unknown);

type BodyIn<Body> = undefined extends Body ? { readonly body?: Body } : { readonly body: Body };

/** The argument of a request, which may be left out when the route needs nothing. */
type Argument<Request> = object extends Request ? [request?: Request] : [request: Request];

/** The answer of a route, parsed; undefined for an answer without a body. */
export type AnswerOf<R extends Route> = {
  [status in keyof R["answers"]]: R["answers"][status] extends { readonly contents: readonly [] }
    ? undefined
    : AnswerJson<R, status>;
}[keyof R["answers"]];

/** Sends a request and resolves to the parsed answer. Rejects with a ProblemError, or as aborted by the signal. */
export async function call<R extends Route>(route: R, ...[request]: Argument<RequestOf<R>>): Promise<AnswerOf<R>>;
export async function call(route: Route, request: AnyRequest = {}): Promise<unknown> {
  const response = await send(route, request);
  const answer = route.answers[response.status];
  if (answer?.contents.length === 0) return undefined;
  const json = await response.text().catch((cause: unknown) => {
    throw request.signal?.aborted ? cause : networkProblem(cause);
  });
  return readable(`${route.method} ${route.path}`, () => {
    const declared = answer?.contents.find((content) => content.kind === "json");
    if (declared === undefined) throw new TypeError(`the page knows no answer of status ${response.status}`);
    return declared.schema.parse(JSON.parse(json));
  });
}

/**
 * Sends a request and resolves to the answer, its body unread: for streams and for results of functions. Rejects as
 * {@link call} does.
 */
export function open<R extends Route>(route: R, ...[request]: Argument<RequestOf<R>>): Promise<Response> {
  return send(route, request ?? {});
}

async function send(route: Route, request: AnyRequest): Promise<Response> {
  const bearer = request.token === undefined ? token.value : request.token;
  const headers = new Headers();
  if (bearer !== null) headers.set("authorization", `Bearer ${bearer}`);
  if (request.body !== undefined) headers.set("content-type", "application/json");
  let answer: Response;
  try {
    answer = await fetch(targetOf(route, request), {
      method: route.method,
      headers,
      cache: "no-store",
      body: request.form ?? (request.body === undefined ? null : JSON.stringify(request.body)),
      signal: request.signal ?? null,
    });
  } catch (cause) {
    throw request.signal?.aborted ? cause : networkProblem(cause);
  }
  if (answer.ok) return answer;
  const problem = await problemOf(answer);
  // Only for the token that is in use: the answer to an old request must not undo a new sign-in.
  if (answer.status === 401 && bearer !== null && token.value === bearer) refused.value = true;
  throw problem;
}
