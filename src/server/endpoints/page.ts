// GET / and /console/{file}: the web page, with a policy that lets it load nothing but its own files and ask nobody but its node.

import { HerdError } from "../../core/errors.js";
import type { Endpoint } from "../http/endpoint.js";
import type { Exchange } from "../http/exchange.js";

/** A file of the page: its media type, its bytes, and the same compressed, where that is smaller. */
export interface PageFile {
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly brotli: Uint8Array | undefined;
  readonly gzip: Uint8Array | undefined;
}

/** A page: its HTML, and what it loads, by names that hold a hash of the content. */
export interface Page {
  readonly html: PageFile;
  readonly files: ReadonlyMap<string, PageFile>;
}

/** No inline script or style, no text that becomes markup, no other origin. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

/** The endpoints of the page. */
export function pageEndpoints({ html, files }: Page): Endpoint[] {
  return [
    {
      method: "GET",
      path: "/",
      role: "none",
      handle(exchange) {
        exchange.outgoing.header("content-security-policy", policy);
        exchange.outgoing.header("referrer-policy", "no-referrer");
        exchange.outgoing.header("cross-origin-opener-policy", "same-origin");
        // The names of the files change with the build: the page itself is asked for each time.
        send(exchange, html, { cacheControl: "no-cache" });
      },
    },
    {
      method: "GET",
      path: "/console/:file",
      role: "none",
      handle(exchange) {
        const file = files.get(exchange.parameter("file"));
        if (file === undefined) throw new HerdError("path.unknown", "this build of the page has no such file");
        exchange.outgoing.header("cross-origin-resource-policy", "same-origin");
        send(exchange, file, { cacheControl: "public, max-age=31536000, immutable" });
      },
    },
  ];
}

function send({ incoming, outgoing }: Exchange, file: PageFile, { cacheControl }: { cacheControl: string }): void {
  const { encoding, bytes } = encoded(file, incoming.headers["accept-encoding"]);
  if (encoding !== undefined) outgoing.header("content-encoding", encoding);
  outgoing.header("vary", "accept-encoding");
  outgoing.header("cache-control", cacheControl);
  outgoing.header("x-content-type-options", "nosniff");
  outgoing.send(200, { type: file.type, body: bytes });
}

/** The smallest form that the client takes (RFC 9110, section 12.5.3). */
function encoded({ bytes, brotli, gzip }: PageFile, accepted = ""): { encoding?: "br" | "gzip"; bytes: Uint8Array } {
  const takes = new Set(
    accepted
      .split(",")
      .filter((part) => !/;\s*q=0(\.0*)?\s*$/.test(part))
      .map((part) => part.split(";")[0]?.trim().toLowerCase()),
  );
  if (brotli !== undefined && takes.has("br")) return { encoding: "br", bytes: brotli };
  if (gzip !== undefined && takes.has("gzip")) return { encoding: "gzip", bytes: gzip };
  return { bytes };
}
