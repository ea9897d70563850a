// The node's own log: structured lines on stderr through pino, and the same lines in the ring that `herd logs` reads.

import { type DestinationStream, destination, pino, stdSerializers } from "pino";
import type { Clock } from "./clock.js";
import { HerdError } from "./errors.js";
import { LogRateLimit } from "./log-rate-limit.js";
import type { LogLevel, LogRing } from "./log-ring.js";
import { withSourcePlaces } from "./source-places.js";

/**
 * What a log line may carry beside its message; `cause` is the error that it reports, with its stack unless the
 * contract names it. A line that a peer or a client can cause has a `repeat`: lines of one message and one `repeat` are
 * written at growing intervals (see {@link LogRateLimit}), each with how many like it were left out. `repeat` names the
 * line's subject, and nothing that its causer can vary at will, such as a port.
 */
export interface LogDetails {
  readonly cause?: unknown;
  readonly repeat?: string;
  readonly [field: string]: unknown;
}

/** Where parts of the node write what an operator should know. Never give it arguments or results of a call. */
export type Logger = { readonly [level in LogLevel]: (message: string, details?: LogDetails) => void };

/** How a {@link createLogger} logger writes; `stream` replaces stderr. */
interface LoggerOptions {
  readonly node: string;
  readonly clock: Clock;
  readonly ring: LogRing;
  readonly level?: LogLevel | "silent";
  readonly stream?: DestinationStream;
}

/** A logger that writes JSON lines from `level` up to stderr, and every line from `info` up to the ring. */
export function createLogger(options: LoggerOptions): Logger {
  const { node, clock, ring } = options;
  const sink = pino(
    {
      base: { node },
      level: options.level ?? "info",
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"at":"${new Date(clock.now()).toISOString()}"`,
      messageKey: "message",
      errorKey: "cause",
      serializers: { cause: causeText },
      redact: ["token", "*.token", "authorization", "*.authorization"],
    },
    // Synchronous: the last line before a crash is the one that matters, and the node writes few.
    options.stream ?? standardError(),
  );
  const repeats = new LogRateLimit(clock);
  const write = (level: LogLevel, message: string, { repeat, ...given }: LogDetails = {}): void => {
    const suppressed = repeat === undefined ? 0 : repeats.take(`${level} ${message} ${repeat}`);
    if (suppressed === undefined) {
      sink.debug(given, message);
      return;
    }
    const details: LogDetails = suppressed === 0 ? given : { ...given, suppressed };
    sink[level](details, message);
    if (level === "trace" || level === "debug") return;
    const cause = details.cause instanceof Error ? `: ${details.cause.message}` : "";
    ring.add({ at: clock.now(), node, level, message: message + cause });
  };
  return {
    trace: (message, details) => write("trace", message, details),
    debug: (message, details) => write("debug", message, details),
    info: (message, details) => write("info", message, details),
    warn: (message, details) => write("warn", message, details),
    error: (message, details) => write("error", message, details),
  };
}

/** An error of the contract was foreseen: its code and message suffice, and its stack adds nothing. */
function causeText(cause: unknown): unknown {
  if (cause instanceof HerdError && cause.fault !== "defect" && cause.cause === undefined) return cause.toData();
  if (!(cause instanceof Error)) return cause;
  const text = stdSerializers.err(cause);
  // Other errors come from the system, or from a peer, as often as these like.
  if (isDefect(cause)) {
    text.message = withSourcePlaces(text.message);
    text.stack = withSourcePlaces(text.stack);
  }
  return text;
}

/** A defect has no code, or the code of defects. */
function isDefect(cause: Error): boolean {
  return cause instanceof HerdError ? cause.fault === "defect" : !("code" in cause);
}

/**
 * The reader of the log may leave, and its disk may be full: then lines are lost, not the node. The ring keeps them.
 */
function standardError(): DestinationStream {
  const stream = destination({ fd: 2, sync: true });
  stream.on("error", () => undefined);
  return stream;
}
