// The metrics of the apps that answer calls here, and of the sandbox that runs them.

import type { Sandbox } from "../../runtime/sandbox/sandbox.js";
import type { Metrics } from "../core/metrics.js";
import type { AppRouter } from "./app-router.js";

/** Registers them. */
export function registerSandbox(
  metrics: Metrics,
  { sandbox, router }: { readonly sandbox: Sandbox; readonly router: AppRouter },
): void {
  const gauge = (name: string, help: string, read: () => number): void => metrics.gauge({ name, help }, read);
  gauge("herd_apps", "Apps that answer calls.", () => router.size);
  gauge("herd_sandbox_slots", "Calls that can run at the same time.", () => sandbox.stats().slots);
  gauge("herd_sandbox_running", "Calls that a worker has.", () => sandbox.stats().running);
  gauge("herd_sandbox_queued", "Calls that wait for a worker.", () => sandbox.stats().queued);
  gauge("herd_sandbox_threads", "Worker threads that answer, the spare one included.", () => sandbox.threads);
  const ends = "Worker threads that ended by why.";
  metrics.total({ name: "herd_sandbox_thread_ends_total", help: ends, labels: ["reason"] }, () =>
    sandbox.threadEnds.map(([reason, count]) => [[reason], count] as const),
  );
}
