// JSON that somebody else wrote, and that may be none.

/** The value of a JSON text, or of its UTF-8 bytes; `undefined` when the text is not JSON. Nothing is checked. */
export function tryParseJson(text: string | Uint8Array): unknown {
  try {
    return JSON.parse(typeof text === "string" ? text : Buffer.from(text).toString("utf8"));
  } catch {
    return undefined;
  }
}

/** The value of a JSON text in UTF-8. Throws `TypeError` for bytes that are not UTF-8, `SyntaxError` for other text. */
export function parseJsonBytes(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
}
