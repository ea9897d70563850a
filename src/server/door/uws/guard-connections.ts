// Has a gate decide on each connection of uWebSockets, before its TLS handshake.

import type { HttpResponse, TemplatedApp } from "uWebSockets.js";
import type { ConnectionGate } from "../../connections/connection-gate.js";
import { addressKey } from "../../connections/connection-table.js";

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
