// GET /v1/logs: the last log records as an array, or with ?follow=true as lines of JSON without end.

import type { LogRecord, LogRing } from "../../core/log-ring.js";
import type { Endpoint } from "../endpoint.js";
import type { Exchange } from "../exchange.js";

const defaultLimit = 1_000;
/** An empty line is no record. */
const heartbeat = "\n";

/** The endpoint of the node's log records. */
export function logsEndpoint(ring: LogRing): Endpoint {
  return {
    method: "GET",
    path: "/v1/logs",
    role: "admin",
    handle(exchange) {
      const app = exchange.query("app");
      const limit = exchange.count("limit", defaultLimit);
      if (exchange.flag("follow") === true) follow(exchange, { ring, app, limit });
      else exchange.answer(200, ring.read({ app, limit }).map(recordView));
    },
  };
}

function follow(
  exchange: Exchange,
  { ring, app, limit }: { ring: LogRing; app: string | undefined; limit: number },
): void {
  const stream = exchange.outgoing.stream("application/x-ndjson", heartbeat);
  stream.write(`${ring.read({ app, limit }).map(lineOf).join("")}\n`);
  const unsubscribe = ring.subscribe((record) => {
    if (app === undefined || record.app === app) stream.write(lineOf(record));
  });
  stream.onClose(unsubscribe);
}

function lineOf(record: LogRecord): string {
  return `${JSON.stringify(recordView(record))}\n`;
}

function recordView(record: LogRecord): Record<string, unknown> {
  return { ...record, at: new Date(record.at).toISOString() };
}
