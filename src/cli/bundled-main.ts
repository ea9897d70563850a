#!/usr/bin/env node
// The `herd` command of the bundle. Where the compiler ran by hand since, the bundle is of older modules: it refuses to
// run, so that nobody tests what the sources no longer say.

import { statSync } from "node:fs";

/** The compiler's record; a published package and an image have none. */
const record = statSync(new URL("../../product.tsbuildinfo", import.meta.url), { throwIfNoEntry: false });

if (record !== undefined && record.mtimeMs > statSync(new URL("bundled-main.js", import.meta.url)).mtimeMs) {
  process.stderr.write("herd: dist/bundle is older than what the compiler wrote (npm run build)\n");
  process.exitCode = 1;
} else {
  await import("./main.js");
}
