// A collection of garbage that the engine would not begin by itself: a thread that waits allocates nothing.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Collects the thread's garbage now, in about ten milliseconds. An unreachable linear memory keeps its pages until
 * then.
 */
export function collectGarbage(): void {
  // V8 gives the function to contexts that are made after the flag was set.
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}
