// GET /v1/logs: the last log records as an array, or with ?follow=true as lines of JSON without end.

import { HerdError } from "../../core/errors.js";
import type { LogRecord, LogRing } from "../../core/log-ring.js";
import type { Endpoint } from "../endpoint.js";
import type { Exchange } from "../exchange.js";

const defaultLimit = 1_000;
/** A reader that is so far behind loses its connection: the node does not keep logs for it. */
const maxBehindBytes = 4 * 1024 * 1024;
/** uWebSockets closes a connection that was silent for 10 s; an empty line is no record and keeps it open. */
const heartbeatMs = 5_000;

/** The endpoint of the node's log records. */
export function logsEndpoint(ring: LogRing): Endpoint {
  return {
    method: "GET",
    path: "/v1/logs",
    role: "admin",
    handle(exchange) {
      const app = exchange.query("app");
      const limit = limitOf(exchange.query("limit"));
      if (exchange.flag("follow") === true) follow(exchange, { ring, app, limit });
      else exchange.answer(200, ring.read({ app, limit }).map(recordView));
    },
  };
}

function follow(
  exchange: Exchange,
  { ring, app, limit }: { ring: LogRing; app: string | undefined; limit: number },
): void {
  const { response } = exchange;
  response.header("content-type", "application/x-ndjson").header("cache-control", "no-store");
  const write = (text: string): void => {
    if (response.completed) return;
    if (response.writableLength > maxBehindBytes) response.close();
    else response.write(text);
  };
  write(`${ring.read({ app, limit }).map(lineOf).join("")}\n`);
  const unsubscribe = ring.subscribe((record) => {
    if (app === undefined || record.app === app) write(lineOf(record));
  });
  const heartbeat = setInterval(() => write("\n"), heartbeatMs).unref();
  response.once("close", () => {
    clearInterval(heartbeat);
    unsubscribe();
  });
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return defaultLimit;
  if (!/^[0-9]{1,6}$/.test(text)) throw new HerdError("request.malformed", "limit is a number of records");
  return Number(text);
}

function lineOf(record: LogRecord): string {
  return `${JSON.stringify(recordView(record))}\n`;
}

function recordView(record: LogRecord): Record<string, unknown> {
  return { ...record, at: new Date(record.at).toISOString() };
}
