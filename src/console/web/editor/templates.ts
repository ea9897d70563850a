// Templates: the sources that a new app starts from.

import { text } from "../text.ts";

/** A source to start from; `id` is also the suggested name of the app. */
export interface Template {
  readonly id: string;
  readonly label: string;
  readonly source: string;
}

/** The templates, the simplest first. */
export const templates: readonly Template[] = [
  {
    id: "greetings",
    label: text.newApp.templates.hello,
    source: `/** Greets by name. */
export function greet(name: string): string {
  return "Hello, " + name + "!";
}
`,
  },
  {
    id: "shop",
    label: text.newApp.templates.records,
    source: `export class Item {
  name: string = "";
  /** In cents. */
  price: i64 = 0;
}

/** Price of all items, in cents. */
export function total(items: Array<Item>, discount: f64 = 0): i64 {
  let sum: i64 = 0;
  for (let i = 0; i < items.length; i++) sum += items[i].price;
  return sum - <i64>(<f64>sum * discount);
}
`,
  },
  {
    id: "primes",
    label: text.newApp.templates.work,
    source: `/** Counts the primes below a limit: work enough to see calls spread over the mesh. */
export function primes(below: u32 = 200000): u32 {
  const crossed = new Uint8Array(below);
  let count: u32 = 0;
  for (let n: u32 = 2; n < below; n++) {
    if (unchecked(crossed[n]) != 0) continue;
    count++;
    for (let m: u64 = <u64>n * n; m < below; m += n) unchecked((crossed[<u32>m] = 1));
  }
  return count;
}
`,
  },
];
