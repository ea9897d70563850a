// A collection of garbage that the engine would not begin by itself: V8 counts a few bytes for an instance whose memory
// has megabytes, and a thread that waits allocates nothing.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Collects the thread's garbage now, in about ten milliseconds. An unreachable linear memory keeps its pages until
 * then.
 */
export function collectGarbage(): void {
  // V8 gives the function to contexts that are made after the flag was set. It is not kept: it would keep a context.
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}
