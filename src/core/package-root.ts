// Where this package lies on disk: the place of its compiled files, guest library and samples.

import { readFileSync } from "node:fs";

/**
 * URL of the package's root folder, with a slash at its end. The path counts from `dist/src/core`; the bundler rewrites
 * it for the bundle.
 */
export function packageRoot(): URL {
  return new URL("../../../", import.meta.url);
}

/** This package's version, from its manifest. */
export function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL("package.json", packageRoot()), "utf8")) as { version: string };
  return manifest.version;
}
