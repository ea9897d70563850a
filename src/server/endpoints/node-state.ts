// GET /healthz, /readyz, /ca.pem, /metrics: what a node says about itself.

import { type ErrorCode, HerdError } from "../../core/errors.js";
import type { Metrics } from "../../core/metrics.js";
import type { Endpoint } from "../http/endpoint.js";

/** Whether clients should come. */
export type Readiness = "starting" | "ready" | "draining" | "asleep" | "unable";

/**
 * Why a node that serves should get no calls: what a call is answered that it cannot run for it, and what an operator
 * can do.
 */
export interface NotReady {
  readonly code: ErrorCode;
  readonly reason: string;
}

/** What the disk has not taken yet: paths of files whose content waits in memory. */
export interface Storage {
  paths(): readonly string[];
}

/** What a node knows of itself. */
export interface NodeStateOptions {
  readonly rootCertificatePem: string;
  readonly metrics: Metrics;
  /**
   * `ready` once calls are served; `draining` from the signal that ends the node, and while an operator drains it; `asleep` while
   * its owner paused it; `unable` while no worker thread can run a call.
   */
  readonly readiness: () => Readiness;
  /** What else speaks against it; all of them stand in the answer. */
  readonly reasons: () => readonly NotReady[];
  readonly storage?: Storage | undefined;
}

/** Health, metrics and the root certificate. */
export function nodeStateEndpoints(options: NodeStateOptions): Endpoint[] {
  const { metrics, readiness, reasons } = options;
  const text = (path: string, role: Endpoint["role"], content: () => { type: string; body: string }): Endpoint => ({
    method: "GET",
    path,
    role,
    handle: (exchange) => exchange.send(200, content()),
  });
  return [
    text("/healthz", "none", () => ({ type: "text/plain", body: "ok\n" })),
    text("/readyz", "none", () => {
      const against = reasons();
      const [first] = against;
      if (first !== undefined) {
        const detail = against.map(({ reason }) => reason).join("; ");
        throw new HerdError(first.code, detail, { retryAfterSeconds: 5 });
      }
      const now = readiness();
      if (now === "ready") return { type: "text/plain", body: `ready\n${waitingText(options.storage)}` };
      if (now === "unable") {
        const why = "no worker thread can run a call: all have ended or do not answer, and are being replaced";
        throw new HerdError("node.overloaded", why, { retryAfterSeconds: 1 });
      }
      throw new HerdError("node.draining", `the node is ${now}`, { retryAfterSeconds: 5 });
    }),
    text("/ca.pem", "none", () => ({ type: "application/x-pem-file", body: options.rootCertificatePem })),
    text("/metrics", "loopback", () => ({ type: "text/plain; version=0.0.4; charset=utf-8", body: metrics.text() })),
  ];
}

/** Without paths: anybody may ask. */
function waitingText(storage: Storage | undefined): string {
  const waiting = storage?.paths().length ?? 0;
  return waiting === 0 ? "" : `the disk takes no more: ${waiting} changed files wait in memory\n`;
}
