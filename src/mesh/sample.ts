// A random sample of some of many.

import type { Random } from "../core/timers.js";

/** Up to `count` different elements at random, in random order (the first steps of a Fisher-Yates shuffle). */
export function sample<Element>(
  from: readonly Element[],
  { count, random }: { readonly count: number; readonly random: Random },
): Element[] {
  const rest = [...from];
  const size = Math.min(count, rest.length);
  for (let index = 0; index < size; index++) {
    const other = index + Math.floor(random() * (rest.length - index));
    const [here, there] = [rest[index], rest[other]] as [Element, Element];
    rest[index] = there;
    rest[other] = here;
  }
  return rest.slice(0, size);
}
