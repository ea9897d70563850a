// A reporter for Node's test runner: the path of each file in which something failed, once, a line each.

import { fileURLToPath } from "node:url";

/** Of the runner's events, the files of failures; the runner writes them where `--test-reporter-destination` says. */
// biome-ignore lint/style/noDefaultExport: the runner takes a reporter by its default export.
export default async function* failedSuites(events) {
  const failed = new Set();
  for await (const { type, data } of events) {
    // What is marked as still to be done may fail.
    if (type !== "test:fail" || (data.todo !== undefined && data.todo !== false)) continue;
    // Node 20 names some files by URL. A failure without a file names no suite, so no second try can mend the failure.
    const file = data.file?.startsWith("file:") ? fileURLToPath(data.file) : (data.file ?? "?");
    if (failed.has(file)) continue;
    failed.add(file);
    yield `${file}\n`;
  }
}
