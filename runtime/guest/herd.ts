// The guest's own library: import { log, LogLevel, nodeName } from "herd".
import { readNodeName, writeLine } from "./herd/host";

/** How serious a log line is. */
export enum LogLevel {
  Trace,
  Debug,
  Info,
  Warn,
  Error,
}

/** Writes one line to the app's log (`herd logs`). */
export function log(message: string, level: LogLevel = LogLevel.Info): void {
  writeLine(level, message);
}

/** Name of the node that runs this call. */
export function nodeName(): string {
  return readNodeName();
}
