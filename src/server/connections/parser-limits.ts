// The limit that uWebSockets' parser reads from the environment, once, when it is loaded.

import { maxHeaderBytes } from "./header-block.js";

/** Bytes of a head that our own bound does not count: method, version, and separators. */
const restBytes = 4_096;

/**
 * Lets the parser take a head in several reads that is as large as a head in one read: the parser's own bound is 4
 * KiB. Must be called before the server is imported. A value that the operator set stays.
 */
export function allowWholeHeads(): void {
  process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= String(maxHeaderBytes + restBytes);
}
