#!/usr/bin/env node
// The `herd` command of the bundle. Where the compiler ran by hand since, the bundle is of older modules: it refuses to
// run, so that nobody tests what the sources no longer say.

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";

/** The compiler's record, which changes with each source; a published package and an image have none. */
const record = new URL("../../product.tsbuildinfo", import.meta.url);
/** The SHA-256 (hex) of the record when the bundle was made. */
const madeOf = new URL("../../bundle/made-of", import.meta.url);

if (existsSync(record) && createHash("sha256").update(readFileSync(record)).digest("hex") !== textOf(madeOf)) {
  process.stderr.write("herd: dist/bundle is older than what the compiler wrote (npm run build)\n");
  process.exitCode = 1;
} else {
  await import("./main.js");
}

function textOf(file: URL): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}
