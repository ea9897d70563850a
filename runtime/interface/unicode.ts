// Well-formed strings. Node 20 has the methods, but the ES2023 library that the code is compiled against does not
// declare them.

interface WellFormed {
  isWellFormed(): boolean;
  toWellFormed(): string;
}

/** Whether `text` has no lone surrogate. */
export function isWellFormed(text: string): boolean {
  return (text as unknown as WellFormed).isWellFormed();
}

/** `text` with each lone surrogate replaced by U+FFFD. */
export function toWellFormed(text: string): string {
  return (text as unknown as WellFormed).toWellFormed();
}
