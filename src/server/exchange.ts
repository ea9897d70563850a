// One request and its response as an endpoint sees them, away from the hot path.

import type { Request, Response } from "hyper-express";
import { HerdError } from "../core/errors.js";
import type { Claims } from "../pki/claims.js";
import { answerEmpty } from "./empty-answer.js";
import { readBody } from "./request-body.js";

/** What a client may send along with a request that takes no body. */
const unreadBytes = 65_536;

/** What an endpoint reads from and answers to. */
export class Exchange {
  readonly request: Request;
  readonly response: Response;
  /** The token's claims; undefined where the endpoint needs none. */
  readonly claims: Claims | undefined;
  readonly #signal: () => AbortSignal;

  constructor(request: Request, response: Response, extra: { claims?: Claims | undefined; signal: () => AbortSignal }) {
    this.request = request;
    this.response = response;
    this.claims = extra.claims;
    this.#signal = extra.signal;
  }

  /** Aborts when the client goes away. */
  get signal(): AbortSignal {
    return this.#signal();
  }

  /** A parameter of the path. */
  parameter(name: string): string {
    return pathParameter(this.request, name);
  }

  /** A parameter of the query; undefined when absent. Throws `request.malformed` when it is repeated. */
  query(name: string): string | undefined {
    const value: unknown = this.request.query_parameters[name];
    if (value === undefined || typeof value === "string") return value;
    throw new HerdError("request.malformed", `the query parameter ${name} is given more than once`);
  }

  /** A query parameter that is `true` or `false`. */
  flag(name: string): boolean | undefined {
    const value = this.query(name);
    if (value === undefined) return undefined;
    if (value === "true" || value === "") return true;
    if (value === "false") return false;
    throw new HerdError("request.malformed", `the query parameter ${name} is true or false`);
  }

  /** The body, bounded while it arrives. */
  body(limitBytes: number): Promise<Buffer> {
    return readBody(this.request, this.response, limitBytes);
  }

  /** The body as JSON; undefined when there is none. Throws `request.malformed`. */
  async json(limitBytes = 65_536): Promise<unknown> {
    const body = await this.body(limitBytes);
    if (body.length === 0) return undefined;
    try {
      return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    } catch (error) {
      throw new HerdError("request.malformed", "the body is not JSON in UTF-8", { cause: error });
    }
  }

  /** Answers with JSON. */
  answer(status: number, value: unknown): void {
    this.send(status, { type: "application/json", body: JSON.stringify(value) });
  }

  /** Answers with a body of that media type. After HEAD the connection ends: uWebSockets still waits for the body there. */
  send(status: number, content: { readonly type: string; readonly body: string | Buffer }): void {
    if (this.response.completed) return;
    this.response
      .status(status)
      .header("cache-control", "no-store")
      .header("x-content-type-options", "nosniff")
      .header("content-type", content.type)
      .send(content.body, this.request.method === "HEAD");
  }

  /** Answers that it is done, without a body. */
  done(): void {
    answerEmpty(this, { headers: { "cache-control": "no-store" }, bodyLimitBytes: unreadBytes });
  }
}

/** A percent-decoded parameter of the path. Throws `request.malformed` when it cannot be decoded. */
export function pathParameter(request: Request, name: string): string {
  const raw = request.path_parameters[name] ?? "";
  if (!raw.includes("%")) return raw;
  try {
    return decodeURIComponent(raw);
  } catch (error) {
    throw new HerdError("request.malformed", "the path is not percent-encoded UTF-8", { cause: error });
  }
}
