// A client of the public HTTPS interface: what every command speaks through.

import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { request } from "node:https";
import type { Diagnostic } from "../core/errors.js";

/** Where and as whom; `ca` is PEM, absent for the machine's own roots. */
export interface ClientOptions {
  readonly url: URL;
  readonly token: string | undefined;
  readonly ca: string | undefined;
  /** Dialled when this machine cannot resolve the URL's host, for which the certificate must be good all the same. */
  readonly dial?: string;
}

/** What to send. */
export interface ClientRequest {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly signal?: AbortSignal;
}

/** An answer that is no problem. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A problem document that the node answered with. */
export interface ProblemDocument {
  readonly status: number;
  readonly code: string;
  readonly title?: string;
  readonly detail?: string;
  readonly where?: string;
  readonly diagnostics?: readonly Diagnostic[];
}

/** The node refused, or the function failed. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly document: ProblemDocument;

  constructor(document: ProblemDocument) {
    super(document.detail ?? document.title ?? document.code);
    this.document = document;
  }
}

/** The node could not be reached. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

/** Sends requests to one node. */
export class Client {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** The answer, whole. Throws {@link ProblemError} and {@link UnreachableError}. */
  async send(path: string, options: ClientRequest = {}): Promise<Reply> {
    const response = await this.open(path, options);
    return { status: response.statusCode ?? 0, headers: response.headers, text: await textOf(response) };
  }

  /** The answer's JSON. */
  async json<Shape>(path: string, options: ClientRequest = {}): Promise<Shape> {
    return JSON.parse((await this.send(path, options)).text) as Shape;
  }

  /** The answer as a stream, once its headers are there and say that it is no problem. */
  async open(path: string, options: ClientRequest = {}): Promise<IncomingMessage> {
    const response = await this.#exchange(path, options);
    if ((response.statusCode ?? 0) < 400) return response;
    throw new ProblemError(problemOf(response.statusCode ?? 0, await textOf(response)));
  }

  async #exchange(path: string, options: ClientRequest): Promise<IncomingMessage> {
    const { url, dial } = this.#options;
    try {
      return await this.#request(path, options);
    } catch (error) {
      const cause = error instanceof UnreachableError ? (error.cause as NodeJS.ErrnoException) : undefined;
      const isUnresolved = cause?.code === "ENOTFOUND" || cause?.code === "EAI_AGAIN";
      if (!isUnresolved || dial === undefined || dial === url.hostname) throw error;
      return this.#request(path, { ...options, host: dial });
    }
  }

  /** Sends to `host` when it is given, which must still prove that it is the URL's. */
  #request(path: string, options: ClientRequest & { readonly host?: string }): Promise<IncomingMessage> {
    const { url, token, ca } = this.#options;
    const { host } = options;
    return new Promise((resolve, reject) => {
      const outgoing = request(new URL(path, url), {
        ...(host === undefined ? {} : { host, hostname: host, servername: url.hostname }),
        method: options.method ?? "GET",
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(options.body === undefined ? {} : { "content-length": Buffer.byteLength(options.body) }),
          ...options.headers,
        },
        // One request a command: no pool that would keep the process alive.
        agent: false,
        ...(ca === undefined ? {} : { ca }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
      outgoing.once("response", resolve);
      outgoing.once("error", (error) =>
        reject(options.signal?.aborted ? error : unreachable(url, { error, sent: options.body })),
      );
      outgoing.end(options.body);
    });
  }
}

/** A node reads what is a little too large to its end, to be able to answer; what is more than this it cuts off. */
const largeBytes = 8 * 1024 * 1024;

function unreachable(
  url: URL,
  { error, sent = "" }: { error: NodeJS.ErrnoException; sent?: string | Buffer | undefined },
): UnreachableError {
  const reason = reasonOf(error, { host: url.hostname, bytes: Buffer.byteLength(sent) });
  return new UnreachableError(`no answer from ${url.origin}: ${reason}`, { cause: error });
}

function reasonOf(error: NodeJS.ErrnoException, { host, bytes }: { host: string; bytes: number }): string {
  const code = error.code ?? "";
  if (/CERT|SELF_SIGNED|UNABLE_TO/.test(code)) {
    return `its certificate is not trusted (${code}): name the mesh's root with --ca`;
  }
  if (code === "ECONNREFUSED") return "nothing listens there: is the node running (herd up)?";
  if (code === "ENOTFOUND") return `no machine is known by the name ${host}`;
  if (code === "EAI_AGAIN")
    return `the name ${host} cannot be looked up now: is this machine's name service reachable?`;
  if (/ECONNRESET|EPIPE/.test(code) && bytes > largeBytes) {
    return `it closed the connection while ${bytes} bytes were sent: that is more than it takes`;
  }
  return error.message || code;
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function problemOf(status: number, text: string): ProblemDocument {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && "code" in value) return value as ProblemDocument;
  } catch {
    // Not ours: something between us and the node answered.
  }
  return { status, code: "unreadable", detail: `the answer has status ${status} and is no problem document` };
}
