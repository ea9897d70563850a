// `herd up`: a node in the foreground, until SIGTERM or SIGINT drains it.

import type { GlobalOptions } from "./connection.js";

/** Runs a node. */
export async function up(_options: GlobalOptions): Promise<void> {
  throw new Error("the node is not wired yet");
}
