// GET /v1/logs: the last log records as an array, or with ?follow=true as lines of JSON without end.

import type { LogRecord, LogRing } from "../../core/log-ring.js";
import type { OpenStreams } from "../connections/open-streams.js";
import type { Endpoint } from "../http/endpoint.js";
import type { Exchange } from "../http/exchange.js";

const defaultLimit = 1_000;
/** An empty line is no record. */
const heartbeat = "\n";

/** The endpoint of the node's log records. */
export function logsEndpoint(ring: LogRing, streams: OpenStreams): Endpoint {
  // Written once, however many follow.
  let newest: { readonly record: LogRecord; readonly line: string } | undefined;
  const lineOf = (record: LogRecord): string => {
    if (newest?.record !== record) newest = { record, line: textOf(record) };
    return newest.line;
  };
  return {
    method: "GET",
    path: "/v1/logs",
    role: "admin",
    handle(exchange) {
      const app = exchange.query("app");
      const limit = exchange.count("limit", defaultLimit);
      if (exchange.flag("follow") === true) follow(exchange, { ring, streams, lineOf, app, limit });
      else exchange.answer(200, ring.read({ app, limit }).map(recordView));
    },
  };
}

interface Following {
  readonly ring: LogRing;
  readonly streams: OpenStreams;
  readonly lineOf: (record: LogRecord) => string;
  readonly app: string | undefined;
  readonly limit: number;
}

function follow(exchange: Exchange, { ring, streams, lineOf, app, limit }: Following): void {
  const stream = streams.open(exchange, { type: "application/x-ndjson", heartbeat });
  stream.write(`${ring.read({ app, limit }).map(textOf).join("")}\n`);
  const unsubscribe = ring.subscribe((record) => {
    if (app === undefined || record.app === app) stream.write(lineOf(record));
  });
  stream.onClose(unsubscribe);
}

function textOf(record: LogRecord): string {
  return `${JSON.stringify(recordView(record))}\n`;
}

function recordView(record: LogRecord): Record<string, unknown> {
  return { ...record, at: new Date(record.at).toISOString() };
}
