// `herd --version`: the version of this package, and with `--json` what it runs on.

import { packageVersion } from "../core/package-root.js";

/** Prints the package's version as a line, or with `json` the object `{version, node, platform, arch}`. */
export function printVersion({ json }: { readonly json: boolean }): void {
  const version = packageVersion();
  const { platform, arch, versions } = process;
  const text = json ? JSON.stringify({ version, node: versions.node, platform, arch }) : version;
  process.stdout.write(`${text}\n`);
}
