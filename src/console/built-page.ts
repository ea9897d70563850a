// The console's page as the build left it in `dist/console/`: read once, kept in memory with its compressed forms.

import { readdirSync, readFileSync } from "node:fs";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../core/package-root.js";

/** A file of the page: its media type, its bytes, and their compressed forms; undefined where these are not smaller. */
interface PageFile {
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly brotli: Uint8Array | undefined;
  readonly gzip: Uint8Array | undefined;
}

/** The page: its HTML, and by name the files that it loads from `/console/`. A name holds a hash of the content. */
export interface ConsolePage {
  readonly html: PageFile;
  readonly files: ReadonlyMap<string, PageFile>;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Reads the page. Throws when the folder holds none. */
export function readConsolePage(folder: URL = new URL("dist/console/", packageRoot())): ConsolePage {
  const names = readdirSync(fileURLToPath(folder));
  const read = (name: string): Uint8Array | undefined =>
    names.includes(name) ? readFileSync(new URL(name, folder)) : undefined;
  const files = new Map<string, PageFile>();
  for (const name of names) {
    const type = types[extname(name)];
    const bytes = type === undefined ? undefined : read(name);
    if (type === undefined || bytes === undefined) continue;
    files.set(name, { type, bytes, brotli: read(`${name}.br`), gzip: read(`${name}.gz`) });
  }
  const html = files.get("index.html");
  if (html === undefined) throw new Error(`${fileURLToPath(folder)} holds no page: run npm run build`);
  files.delete("index.html");
  return { html, files };
}
