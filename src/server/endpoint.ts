// The chain that every endpoint off the hot path runs in: name → authorize → act, and errors become problems once.

import type { Request, Response } from "hyper-express";
import { checkAppName } from "../core/app-name.js";
import type { Claims, Role } from "../pki/claims.js";
import { claimsOf, requireRole } from "./authorize.js";
import { Exchange, pathParameter } from "./exchange.js";
import { type ProblemOptions, sendProblem } from "./problem.js";
import type { Tokens } from "./seams.js";

/** Methods that endpoints answer; HEAD follows from GET, OPTIONS and the refusal of others from the table. */
export type Method = "GET" | "POST" | "PUT" | "DELETE";

/** An endpoint: where it is, who may, what it does. A path parameter `app` scopes the token to that app. */
export interface Endpoint {
  readonly method: Method;
  /** As hyper-express writes it: `/v1/apps/:app`. */
  readonly path: string;
  /** Role that the token needs; `none` for everybody, `loopback` for everybody on this machine and admins elsewhere. */
  readonly role: Role | "none" | "loopback";
  /** Whether a token for one app alone may list here; the endpoint then shows that app only. */
  readonly scoped?: boolean;
  handle(exchange: Exchange): Promise<void> | void;
}

/** What the chain works with. */
export interface ChainOptions extends ProblemOptions {
  readonly tokens: Tokens;
  /** Counts an exchange that changes something, so that an end in order waits for it; see `InFlight.hold`. */
  readonly hold: () => () => void;
}

/** The hyper-express handler of an endpoint. */
export function handlerOf(endpoint: Endpoint, options: ChainOptions): (request: Request, response: Response) => void {
  return (request, response) => {
    // The address is known only while the handler runs.
    const local = endpoint.role === "loopback" && isLoopback(response.raw.getRemoteAddress());
    const release = endpoint.method === "GET" ? undefined : options.hold();
    // A client that leaves within its body ends no promise.
    if (release !== undefined) response.once("abort", release);
    perform(endpoint, { request, response, tokens: options.tokens, local })
      .catch((error: unknown) => sendProblem({ request, response }, error, options))
      .finally(release);
  };
}

async function perform(
  endpoint: Endpoint,
  { request, response, tokens, local }: { request: Request; response: Response; tokens: Tokens; local: boolean },
): Promise<void> {
  const app = request.path_parameters.app === undefined ? undefined : checkAppName(pathParameter(request, "app"));
  let claims: Claims | undefined;
  if (endpoint.role !== "none" && !local) {
    claims = await claimsOf(tokens, request.headers.authorization);
    const role = endpoint.role === "loopback" ? "admin" : endpoint.role;
    requireRole(claims, role, endpoint.scoped === true ? claims.app : app);
  }
  await endpoint.handle(new Exchange(request, response, { claims, signal: () => goneSignal(response) }));
}

/** Aborts when the client goes away. The event costs the response a stream, which is fine off the hot path. */
function goneSignal(response: Response): AbortSignal {
  const controller = new AbortController();
  if (response.completed) controller.abort();
  else response.once("abort", () => controller.abort());
  return controller.signal;
}

/** Whether an address of 4 or 16 bytes is this machine's: 127/8, ::1, or 127/8 mapped into IPv6. */
export function isLoopback(address: ArrayBuffer): boolean {
  const bytes = new Uint8Array(address);
  if (bytes.length === 4) return bytes[0] === 127;
  if (bytes.length !== 16) return false;
  const mapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (mapped) return bytes[12] === 127;
  return bytes.subarray(0, 15).every((byte) => byte === 0) && bytes[15] === 1;
}
