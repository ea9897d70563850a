// GET /healthz, /readyz, /ca.pem, /metrics, /v1/openapi.json: health, readiness and description of a node.

import * as api from "../../api/health.js";
import { interfaceDocument } from "../../api/openapi.js";
import { HerdError } from "../../core/errors.js";
import type { Metrics } from "../../core/metrics.js";
import type { NotReady } from "../../trust/peer-acceptance.js";
import { type Endpoint, endpoint, ok } from "../http/endpoint.js";
import { Content, JsonText } from "../http/http-answer.js";
import type { Storage } from "./durable.js";

/** Whether clients should send calls to this node. */
export type Readiness = "starting" | "ready" | "draining" | "asleep" | "unable";

/** Dependencies of the endpoints. */
export interface HealthOptions {
  readonly rootCertificatePem: string;
  readonly metrics: Metrics;
  /**
   * `ready` once calls are served; `draining` from the signal that ends the node, and while an operator drains it;
   * `asleep` while the owner pauses the node; `unable` while no worker thread can run a call.
   */
  readonly readiness: () => Readiness;
  /** Further reasons against readiness; the answer lists all of them. */
  readonly reasons: () => readonly NotReady[];
  readonly storage?: Storage | undefined;
}

/** Health, metrics, the root certificate and the description of the interface. */
export function healthEndpoints(options: HealthOptions): Endpoint[] {
  const { metrics, rootCertificatePem, storage } = options;
  return [
    endpoint(api.health, { handle: () => ok(new Content("text/plain", "ok\n")) }),
    endpoint(api.readiness, {
      handle() {
        checkReady(options);
        return ok(new Content("text/plain", `ready\n${waitingText(storage)}`));
      },
    }),
    endpoint(api.rootCertificate, { handle: () => ok(new Content("application/x-pem-file", rootCertificatePem)) }),
    endpoint(api.metrics, {
      handle: () => ok(new Content("text/plain; version=0.0.4; charset=utf-8", metrics.text())),
    }),
    endpoint(api.description, { handle: () => ok(new JsonText(describedInterface())) }),
  ];
}

/** Throws the error that a call would get while the node is not ready. */
function checkReady({ reasons, readiness }: HealthOptions): void {
  const against = reasons();
  const [first] = against;
  if (first !== undefined) {
    throw new HerdError(first.code, against.map(({ reason }) => reason).join("; "), { retryAfterSeconds: 5 });
  }
  const now = readiness();
  if (now === "ready") return;
  if (now === "unable") {
    const why = "no worker thread can run a call: all have ended or do not answer, and are being replaced";
    throw new HerdError("node.unavailable", why, { retryAfterSeconds: 1 });
  }
  if (now === "asleep") throw new HerdError("node.paused", "the node's owner paused it", { retryAfterSeconds: 5 });
  throw new HerdError("node.draining", `the node is ${now}`, { retryAfterSeconds: 5 });
}

let described: string | undefined;

/** The document of `GET /v1/openapi.json`, made at the first request. */
function describedInterface(): string {
  described ??= JSON.stringify(interfaceDocument());
  return described;
}

/** The number of waiting files, without their paths: the route needs no token. */
function waitingText(storage: Storage | undefined): string {
  const waiting = storage?.paths().length ?? 0;
  return waiting === 0 ? "" : `the disk takes no more: ${waiting} changed files wait in memory\n`;
}
