// JSON that somebody else wrote, and that may be none.

/** The value of a JSON text, or of its UTF-8 bytes; `undefined` when the text is not JSON. Nothing is checked. */
export function tryParseJson(text: string | Uint8Array): unknown {
  try {
    return JSON.parse(typeof text === "string" ? text : Buffer.from(text).toString("utf8"));
  } catch {
    return undefined;
  }
}
