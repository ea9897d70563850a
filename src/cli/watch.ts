// Runs something at each change of a file or folder, until the process is interrupted.

import { watch as watchPath } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { printNotice } from "./print.js";
import { report } from "./report.js";

/** Editors write a file in several steps: changes within this time, in ms, count as one. */
const settleMs = 120;

/** Runs `once` now and after each change; a failure is reported, and the watch continues. Ends at SIGINT or SIGTERM. */
export async function watch(path: string, options: { once: () => Promise<void>; json: boolean }): Promise<void> {
  const isFolder = (await stat(path)).isDirectory();
  const interrupted = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  const run = (): void => {
    running = running.then(async () => {
      if (interrupted.signal.aborted) return;
      try {
        await options.once();
      } catch (error) {
        report(error, { json: options.json });
      }
      if (!interrupted.signal.aborted) printNotice(`watching ${path}`);
    });
  };
  await new Promise<void>((resolve, reject) => {
    // Editors replace files, so a file is watched through its folder.
    const watcher = watchPath(isFolder ? path : dirname(path), { recursive: isFolder, signal: interrupted.signal });
    watcher.on("change", (_event, name) => {
      if (isFolder ? !String(name).endsWith(".ts") : String(name) !== basename(path)) return;
      clearTimeout(timer);
      timer = setTimeout(run, settleMs);
    });
    watcher.once("error", reject);
    watcher.once("close", resolve);
    const end = (): void => interrupted.abort();
    process.once("SIGINT", end);
    process.once("SIGTERM", end);
    run();
  });
  clearTimeout(timer);
  await running;
}
