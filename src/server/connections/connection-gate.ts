// Decides on each connection before its TLS handshake: a connection above a cap is closed here.

import type { HttpResponse, TemplatedApp } from "uWebSockets.js";
import { addressKey } from "./connection-table.js";

/** Decides whether a connection may stay, and counts those that end; see `ConnectionCaps`. */
export interface ConnectionGate {
  opened(address: string): boolean;
  closed(): void;
}

/**
 * Has `gate` decide on every connection that `app` accepts, before its TLS handshake. uWebSockets calls back at the
 * start of each connection and at its end; for a connection that is closed within the first call, the second call
 * comes within the first.
 */
export function guardConnections(app: TemplatedApp, gate: ConnectionGate): void {
  let isRefusing = false;
  const decide = (response: HttpResponse, change: unknown): void => {
    if (Number(change) < 0) {
      if (!isRefusing) gate.closed();
      return;
    }
    if (gate.opened(addressKey(new Uint8Array(response.getRemoteAddress())))) return;
    isRefusing = true;
    try {
      response.close();
    } finally {
      isRefusing = false;
    }
  };
  app.filter(decide);
}
