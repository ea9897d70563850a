// What `npm run mesh` calls on three machines: several functions, one of which tells where it ran.
import { log, nodeName } from "herd";

/** Name of the node that computed this, after so many rounds of work that one node alone would be busy. */
export function where(rounds: u32 = 200000): string {
  let state: u32 = 1;
  for (let round: u32 = 0; round < rounds; round++) state = state * 1664525 + 1013904223;
  // Never so for a whole period, but the compiler cannot know, and has to do the work.
  if (state == 0) log("the generator reached zero");
  return nodeName();
}

/** The n-th Fibonacci number, the slow way. */
export function fibonacci(n: u32): u64 {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

/** Product of 1 to n, up to 20. */
export function factorial(n: u32): u64 {
  assert(n <= 20, "the factorial of more than 20 does not fit 64 bits");
  let product: u64 = 1;
  for (let factor: u32 = 2; factor <= n; factor++) product *= factor;
  return product;
}

/** The letters of a text from the last to the first. */
export function reversed(text: string): string {
  let result = "";
  for (let index = 0; index < text.length; ) {
    const letter = String.fromCodePoint(text.codePointAt(index));
    result = letter + result;
    index += letter.length;
  }
  return result;
}
