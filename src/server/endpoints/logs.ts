// GET /v1/logs: the last log records as an array; with ?follow=true also records to come, as lines of JSON without end.

import { type LogLine, readLogs } from "../../api/logs.js";
import type { LogRecord, LogRing } from "../../core/log-ring.js";
import { type Endpoint, endpoint, ok } from "../http/endpoint.js";
import type { OpenStreams } from "../http/open-streams.js";

/** An empty line, which clients skip. */
const heartbeat = "\n";

/** The endpoint of the node's log records. */
export function logsEndpoint(ring: LogRing, streams: OpenStreams): Endpoint {
  // The line of a record is made once for all streams.
  let newest: { readonly record: LogRecord; readonly line: string } | undefined;
  const lineOf = (record: LogRecord): string => {
    if (newest?.record !== record) newest = { record, line: textOf(record) };
    return newest.line;
  };
  return endpoint(readLogs, {
    handle({ query: { app, limit, follow }, by }) {
      if (follow !== true) return ok(ring.read({ app, limit }).map(logLine));
      let unsubscribe = (): void => undefined;
      return ok(
        streams.open(by, {
          type: "application/x-ndjson",
          heartbeat,
          start: (write) => {
            write(`${ring.read({ app, limit }).map(textOf).join("")}\n`);
            unsubscribe = ring.subscribe((record) => {
              if (app === undefined || record.app === app) write(lineOf(record));
            });
          },
          closed: () => unsubscribe(),
        }),
      );
    },
  });
}

function textOf(record: LogRecord): string {
  return `${JSON.stringify(logLine(record))}\n`;
}

function logLine(record: LogRecord): LogLine {
  return { ...record, at: new Date(record.at).toISOString() };
}
