// Garbage collection on demand: V8 counts a few bytes for an instance whose memory has megabytes, and an idle thread
// makes no garbage, so nothing else would free the memory.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Collects the garbage of this thread, which takes some milliseconds. Only for a moment without calls. */
export function collectGarbage(): void {
  // The function exists in contexts that are made after the flag is set. It is not kept, since it would keep a context.
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}
