// A preparer for one test, which ends with it.
import { Preparer, type PreparerOptions } from "../../runtime/sandbox/prepare/preparer.js";
import { systemClock } from "../../src/core/clock.js";
import { defaultLimits } from "../../src/core/limits.js";

/** Makes a preparer with other bounds than a node's. */
export function preparer(
  context: { after(end: () => Promise<void>): void },
  bounds: PreparerOptions["bounds"] = {},
): Preparer {
  const made = new Preparer({ limits: defaultLimits, clock: systemClock, bounds });
  context.after(() => made.stop());
  return made;
}
