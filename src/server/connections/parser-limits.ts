// What uWebSockets' parser reads from the environment, once, when it is loaded.

import { maxHeaderBytes } from "./framing.js";

/** What a head may have beside what our own bound counts: method, version, and separators. */
const restBytes = 4_096;

/**
 * Lets the parser take a head that comes in several reads as large as one that comes in one: its own bound is 4 KiB.
 * Has to be called before the server is imported; a value that the operator set stays.
 */
export function allowWholeHeads(): void {
  process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= String(maxHeaderBytes + restBytes);
}
