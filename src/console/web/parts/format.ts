// Numbers and times as text, in the reader's language and time zone.

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hour12: false,
});
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const absent = "–";

/** A time (RFC 3339) as date and time of day. */
export function momentText(iso: string): string {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? absent : moment.format(at);
}

/** The time of day of a log line (RFC 3339), to the millisecond. */
export function clockText(iso: string): string {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? absent : clock.format(at);
}

/** The time zone in which times are shown. */
export const zoneName: string = zone;

/** Milliseconds with a unit, to three digits. */
export function msText(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return absent;
  if (ms < 0.001) return "0 ms";
  if (ms < 1) return `${Math.round(ms * 1_000)} µs`;
  if (ms < 1_000) return `${Number(ms.toPrecision(3))} ms`;
  return `${Number((ms / 1_000).toPrecision(3))} s`;
}

/** A rate, to three digits. */
export function rateText(value: number | null | undefined): string {
  if (value === null || value === undefined) return absent;
  return value >= 1_000 ? countText(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** A whole number with separators. */
export function countText(value: number | null | undefined): string {
  return value === null || value === undefined ? absent : value.toLocaleString();
}
