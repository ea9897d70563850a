// GET /: the web page, with a policy that lets it load nothing but itself.

import type { Endpoint } from "../endpoint.js";

/** A page: its HTML, and the hashes (`sha256-…`) of the script and style that stand in it. */
export interface Page {
  readonly html: string;
  readonly scriptHash: string;
  readonly styleHash: string;
}

/** The endpoint of the page. */
export function pageEndpoint(page: Page): Endpoint {
  const policy = [
    "default-src 'none'",
    `script-src '${page.scriptHash}'`,
    `style-src '${page.styleHash}'`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return {
    method: "GET",
    path: "/",
    role: "none",
    handle(exchange) {
      exchange.outgoing.header("content-security-policy", policy);
      exchange.outgoing.header("referrer-policy", "no-referrer");
      exchange.outgoing.header("cross-origin-opener-policy", "same-origin");
      exchange.send(200, { type: "text/html; charset=utf-8", body: page.html });
    },
  };
}
