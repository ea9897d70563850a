// GET / and /console/{file}: the console, with a policy that lets the page load its own files and request its node
// alone.

import * as api from "../../api/health.js";
import { HerdError } from "../../core/errors.js";
import { type Endpoint, endpoint, ok } from "../http/endpoint.js";
import { Content } from "../http/http-answer.js";
import type { HttpRequest } from "../http/http-request.js";

/** A file of the page: its media type and its bytes, and the compressed forms that are smaller. */
interface PageFile {
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly brotli: Uint8Array | undefined;
  readonly gzip: Uint8Array | undefined;
}

/** A page: its HTML, and the files that it loads, by names with a hash of the content. */
export interface Page {
  readonly html: PageFile;
  readonly files: ReadonlyMap<string, PageFile>;
}

/** The Content Security Policy: no inline script or style, no text that becomes markup, no other origin. */
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
    endpoint(api.page, {
      // Each build has files of other names, so browsers have to request the page itself each time.
      handle: ({ http }) => fileAnswer(html, http, { "cache-control": "no-cache", ...pageHeaders }),
    }),
    endpoint(api.pageFile, {
      handle({ parameters, http }) {
        const file = files.get(parameters.file);
        if (file === undefined) throw new HerdError("path.unknown", "this build of the page has no such file");
        const cache = { "cache-control": "public, max-age=31536000, immutable" };
        return fileAnswer(file, http, { ...cache, "cross-origin-resource-policy": "same-origin" });
      },
    }),
  ];
}

const pageHeaders = {
  "content-security-policy": policy,
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
};

function fileAnswer<Headers>(file: PageFile, { headers: sent }: HttpRequest, headers: Headers) {
  const { encoding, bytes } = encoded(file, sent["accept-encoding"]);
  const coding = encoding === undefined ? {} : { "content-encoding": encoding };
  return ok(new Content(file.type, bytes), { vary: "accept-encoding", ...coding, ...headers });
}

/** The smallest form of a file that the client accepts (RFC 9110, section 12.5.3). */
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
