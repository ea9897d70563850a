// Checks of single values that a peer sent.

/** Larger counts, from a peer, are no counts. */
const maxCount = 1e9;
const maxMs = 1e9;

/** Whether a text is a revision's name: 12 hex digits. */
export function isRevision(text: unknown): text is string {
  return typeof text === "string" && /^[0-9a-f]{12}$/.test(text);
}

/** Whether a value from a peer is a count. */
export function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= maxCount;
}

/** Whether a value from a peer is a time in milliseconds. */
export function isMs(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= maxMs;
}
