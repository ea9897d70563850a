// Checks of single values that a peer sent.

/** Bounds of a value that a peer sends. A larger value is refused. */
const maxCount = 1e9;
const maxMs = 1e9;

/** Whether a value is a revision's name: 12 hex digits. */
export function isRevision(text: unknown): text is string {
  return typeof text === "string" && /^[0-9a-f]{12}$/.test(text);
}

/** Whether a value from a peer is a count, at most {@link maxCount}. */
export function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= maxCount;
}

/** Whether a value from a peer is a time in milliseconds, at most {@link maxMs}. */
export function isMs(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= maxMs;
}
