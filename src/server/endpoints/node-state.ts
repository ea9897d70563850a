// GET /healthz, /readyz, /ca.pem, /metrics, /v1/nodes, /v1/mesh: what a node says about itself.

import { HerdError } from "../../core/errors.js";
import type { Metrics } from "../../core/metrics.js";
import type { Endpoint } from "../endpoint.js";

/** What a node knows of itself. */
export interface NodeStateOptions {
  readonly node: { readonly id: string; readonly name: string };
  readonly rootCertificatePem: string;
  readonly metrics: Metrics;
  /** `ready` once calls are served, `draining` from the signal that ends the node. */
  readonly readiness: () => "starting" | "ready" | "draining";
  readonly load: () => { readonly slots: number; readonly running: number; readonly queued: number };
}

/** Health, metrics, and the mesh of one node. */
export function nodeStateEndpoints(options: NodeStateOptions): Endpoint[] {
  const { node, metrics, readiness, load } = options;
  const state = (): string => (readiness() === "draining" ? "draining" : "alive");
  const text = (path: string, role: Endpoint["role"], content: () => { type: string; body: string }): Endpoint => ({
    method: "GET",
    path,
    role,
    handle: (exchange) => exchange.send(200, content()),
  });
  return [
    text("/healthz", "none", () => ({ type: "text/plain", body: "ok\n" })),
    text("/readyz", "none", () => {
      if (readiness() === "ready") return { type: "text/plain", body: "ready\n" };
      throw new HerdError("node.draining", `the node is ${readiness()}`, { retryAfterSeconds: 5 });
    }),
    text("/ca.pem", "none", () => ({ type: "application/x-pem-file", body: options.rootCertificatePem })),
    text("/metrics", "loopback", () => ({ type: "text/plain; version=0.0.4; charset=utf-8", body: metrics.text() })),
    {
      method: "GET",
      path: "/v1/nodes",
      role: "admin",
      handle: (exchange) =>
        exchange.answer(200, [
          { name: node.name, id: node.id, state: state(), master: true, revoked: false, ...load() },
        ]),
    },
    {
      method: "GET",
      path: "/v1/mesh",
      role: "admin",
      handle: (exchange) =>
        exchange.answer(200, {
          node: node.name,
          peers: [],
          masters: [node.name],
          revoked: [],
        }),
    },
  ];
}
