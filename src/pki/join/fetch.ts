// The few HTTPS requests of a node that joins: bounded, timed, and verified against the expected root.

import { createHash, X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { HerdError } from "../../core/errors.js";
import { tryParseJson } from "../../core/json.js";
import { JoinRefused } from "../join-refused.js";
import { meshIdOf } from "../x509/root.js";

const timeoutMs = 15_000;
const rootLimitBytes = 64 * 1024;

/** An answer; `json` is undefined when its body is no JSON. */
export interface Fetched {
  readonly status: number;
  readonly json: unknown;
  /** Of `Retry-After`; undefined without one. */
  readonly retryAfterMs: number | undefined;
}

/** A mesh's root as a node serves it: PEM, SHA-256 of its DER in hex, mesh id. */
export interface FetchedRoot {
  readonly certificate: string;
  readonly fingerprint: string;
  readonly meshId: string;
  /**
   * How far the node's clock is ahead of this machine's, ms, as its `Date` says; nobody proved it. 0 when it says
   * nothing.
   */
  readonly skewMs: number;
}

/** The node could not be reached, or its certificate is not of the root. */
export class NotReached extends Error {
  override readonly name = "NotReached";
}

/** The root that a node serves. Nothing is verified: the caller compares its fingerprint. Throws {@link NotReached}. */
export async function fetchRoot(base: string, signal: AbortSignal): Promise<FetchedRoot> {
  const url = new URL("/ca.pem", base);
  const { status, headers, body } = await send(url, { limitBytes: rootLimitBytes, signal, ca: undefined });
  try {
    if (status !== 200) throw new TypeError(`status ${status}`);
    const root = new X509Certificate(body);
    const certificate = `${root.toString().trim()}\n`;
    const fingerprint = createHash("sha256").update(root.raw).digest("hex");
    // Against the clock by which OpenSSL judges certificates.
    const skewMs = Date.parse(headers.date ?? "") - Date.now();
    return { certificate, fingerprint, meshId: meshIdOf(certificate), skewMs: Number.isNaN(skewMs) ? 0 : skewMs };
  } catch (cause) {
    throw new NotReached(`${url.origin} serves no root certificate`, { cause });
  }
}

/** Sends to a node whose certificate is of `ca` (PEM) and names the host. Throws {@link NotReached}. */
export async function fetchJson(
  url: URL,
  options: { ca: string; body?: string; limitBytes: number; signal: AbortSignal },
): Promise<Fetched> {
  const { status, headers, body } = await send(url, options);
  const seconds = Number(headers["retry-after"]);
  return {
    status,
    json: tryParseJson(body),
    retryAfterMs: seconds > 0 && seconds < 3_600 ? seconds * 1_000 : undefined,
  };
}

interface SendOptions {
  /** Undefined verifies nothing, for what is compared otherwise. */
  readonly ca: string | undefined;
  readonly body?: string;
  readonly limitBytes: number;
  readonly signal: AbortSignal;
}

async function send(
  url: URL,
  { ca, body, limitBytes, signal }: SendOptions,
): Promise<{ status: number; headers: IncomingMessage["headers"]; body: Buffer }> {
  signal.throwIfAborted();
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = request(url, {
        method: body === undefined ? "GET" : "POST",
        agent: false,
        ...(ca === undefined ? { rejectUnauthorized: false } : { ca, rejectUnauthorized: true }),
        headers:
          body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      outgoing.once("response", resolve);
      outgoing.once("error", reject);
      outgoing.end(body);
    });
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of response) {
      length += (chunk as Buffer).length;
      if (length > limitBytes) throw new JoinRefused(`${url.origin} answers more than ${limitBytes} bytes`);
      chunks.push(chunk as Buffer);
    }
    return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
  } catch (error) {
    if (error instanceof HerdError) throw error;
    signal.throwIfAborted();
    throw new NotReached(`no answer from ${url.origin}: ${reasonOf(error)}`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  const { code, name, message } = error as NodeJS.ErrnoException;
  if (name === "TimeoutError" || name === "AbortError") return `nothing within ${timeoutMs / 1_000} seconds`;
  if (code === "ECONNREFUSED") return "nothing listens there";
  const wrongTime = { CERT_HAS_EXPIRED: "has ended", CERT_NOT_YET_VALID: "has not begun" }[code ?? ""];
  if (wrongTime !== undefined) {
    return `its certificate ${wrongTime} by the clock of this machine (${new Date().toISOString()}): is that right?`;
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO/.test(code ?? "")) return `its certificate is not of the mesh's root (${code})`;
  return message || (code ?? "failed");
}
