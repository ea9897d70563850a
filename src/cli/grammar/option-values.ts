// Values of options and arguments, read from their texts. Each throws commander's `InvalidArgumentError`.

import { InvalidArgumentError } from "commander";

/** What `herd invoke` calls. */
export interface FunctionPath {
  readonly app: string;
  readonly function: string;
}

/** `APP/FUNCTION`. */
export function functionPath(text: string): FunctionPath {
  const slash = text.indexOf("/");
  if (slash < 1 || slash === text.length - 1) throw new InvalidArgumentError("write APP/FUNCTION, like hello/greet");
  return { app: text.slice(0, slash), function: text.slice(slash + 1) };
}

/** The values of an option that can be repeated, in the order given. */
export function repeated(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** A whole number above zero, of nine digits at most. */
export function positive(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError("a positive number is needed");
  return Number(text);
}

/** Seconds of `90s`, `30m`, `24h`, `7d`. */
export function duration(text: string): number {
  const match = /^([1-9][0-9]{0,6})([smhd])$/.exec(text);
  const unit = { s: 1, m: 60, h: 3_600, d: 86_400 }[match?.[2] ?? ""];
  if (match === null || unit === undefined) throw new InvalidArgumentError("write 90s, 30m, 24h or 7d");
  return Number(match[1]) * unit;
}
