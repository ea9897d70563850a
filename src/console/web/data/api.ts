// Requests to the node: the public interface, with the token, and its problem documents as errors.

import { text } from "../text.ts";
import { refused, token } from "./session.ts";

/** A place in an upload that the compiler refused. Lines and columns count from 1. */
export interface Diagnostic {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly source?: string;
}

/** What a problem document says (RFC 9457); `code` is `network` when there was no answer. */
export interface ProblemBody {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail?: string;
  readonly where?: string;
  readonly diagnostics?: readonly Diagnostic[];
}

/** An answer that is an error. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly body: ProblemBody;
  /** Headers of the answer: a failed call has a node and an id too. */
  readonly headers: Headers;

  constructor(body: ProblemBody, { headers = new Headers(), cause }: { headers?: Headers; cause?: unknown } = {}) {
    super(body.detail ?? body.title, { cause });
    this.body = body;
    this.headers = headers;
  }
}

/** What goes along with a request. */
export interface AskOptions {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  /** Sent as JSON. */
  readonly json?: unknown;
  readonly body?: BodyInit;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** In place of the one that is signed in with: to try it. */
  readonly token?: string;
}

/** Asks the node; the answer, which is a good one. Throws {@link Problem}; an AbortError when the signal aborts. */
export async function open(path: string, options: AskOptions = {}): Promise<Response> {
  const { method = "GET", json, signal } = options;
  const headers: Record<string, string> = { ...options.headers };
  const sent = options.token ?? token.value;
  if (sent !== null) headers.authorization = `Bearer ${sent}`;
  if (json !== undefined) headers["content-type"] = "application/json";
  const body = json === undefined ? options.body : JSON.stringify(json);
  let answer: Response;
  try {
    answer = await fetch(path, {
      ...{ method, headers, cache: "no-store" },
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new Problem({ status: 0, code: "network", title: text.problems.network }, { cause });
  }
  if (answer.ok) return answer;
  const problem = await problemOf(answer);
  // Only for the token that is in use: an old request must not undo a new sign-in.
  if (answer.status === 401 && token.value === sent) refused.value = true;
  throw problem;
}

/** Asks for JSON; undefined for an answer without a body. Throws as {@link open} does. */
export async function ask<Shape>(path: string, options: AskOptions = {}): Promise<Shape> {
  const answer = await open(path, options);
  return (answer.status === 204 ? undefined : await answer.json()) as Shape;
}

/** A path whose parts may hold any character. */
export function pathOf(...parts: readonly string[]): string {
  return `/${parts.map(encodeURIComponent).join("/")}`;
}

async function problemOf(answer: Response): Promise<Problem> {
  const { status, headers } = answer;
  try {
    return new Problem((await answer.json()) as ProblemBody, { headers });
  } catch (cause) {
    return new Problem({ status, code: `http.${status}`, title: text.problems.noDocument(status) }, { headers, cause });
  }
}
