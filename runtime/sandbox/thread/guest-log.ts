// A call's log lines on their way out: counted, cut to length, and dropped above the limit with a last line that counts
// them.
import type { Limits } from "../../../src/core/limits.js";
import type { LogLevel } from "../host-functions.js";

/** Takes one line that is within the limits. */
export type LineSink = (level: LogLevel, message: string) => void;

/** Applies the limits of one call after the other: {@link begin} before each call, {@link end} after it. */
export class GuestLog {
  readonly #limits: Pick<Limits, "logLines" | "logLineBytes">;
  #sink: LineSink = () => undefined;
  #lines = 0;

  constructor(limits: Pick<Limits, "logLines" | "logLineBytes">) {
    this.#limits = limits;
  }

  /** The next lines belong to a new call and go to `sink`. */
  begin(sink: LineSink): void {
    this.#sink = sink;
    this.#lines = 0;
  }

  /** UTF-16 units of the next line that are worth reading; 0 when it will be dropped. */
  units(): number {
    return this.#lines < this.#limits.logLines ? this.#limits.logLineBytes + 1 : 0;
  }

  /** Passes a line on, or counts it as dropped. */
  write(level: LogLevel, message: string): void {
    this.#lines++;
    if (this.#lines <= this.#limits.logLines) this.#sink(level, cutUtf8(message, this.#limits.logLineBytes));
  }

  /** Ends the call, with a line that states how many lines were dropped. */
  end(): void {
    const dropped = this.#lines - this.#limits.logLines;
    if (dropped > 0) this.#sink("warn", `${dropped} more log ${dropped === 1 ? "line was" : "lines were"} dropped`);
  }
}

/** `text` cut to at most `maxBytes` of UTF-8 at the end of a character. */
function cutUtf8(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}
