// The browser that tests of the page drive.

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/** The path of a browser: `HERD_BROWSER`, else the first on the PATH; undefined without one. */
export function browserPath(): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return process.env.HERD_BROWSER ?? found.find((path) => existsSync(path));
}
