// Checks on which later readers of an interface's types rely: types end, they are shallow, and no value of a type is
// large by itself.
import { HerdError } from "../../src/core/errors.js";
import { interfaceBounds as bounds, within } from "./bounds.js";
import type { AppInterface, RecordType, ValueType } from "./model.js";

/** Depth of a type, including named types within, and the number of core values to which it flattens. */
interface Extent {
  readonly depth: number;
  readonly flat: number;
}

/**
 * Checks that every named type exists and none contains itself, and that depth and flat values of each stay within
 * their bounds. Linear: each class is visited once. Throws HerdError `source.invalid`.
 */
export function checkTypes(app: AppInterface): void {
  const walk = new Walk(app);
  for (const { name } of app.records) walk.extent({ kind: "record", name }, 0);
  for (const fn of app.functions) {
    if (fn.self !== undefined) walk.extent({ kind: "record", name: fn.self }, 0);
    for (const { type } of fn.parameters) walk.extent(type, 0);
    if (fn.result !== null) walk.extent(fn.result, 0);
  }
}

class Walk {
  readonly #records: ReadonlyMap<string, RecordType>;
  readonly #enums: ReadonlySet<string>;
  readonly #known = new Map<string, Extent>();
  readonly #open = new Set<string>();

  constructor(app: AppInterface) {
    this.#records = new Map(app.records.map((record) => [record.name, record]));
    this.#enums = new Set(app.enums.map(({ name }) => name));
  }

  /** `above`: levels that are open, so that the recursion itself stays within the bound. */
  extent(type: ValueType, above: number): Extent {
    within(bounds.typeDepth, above + 1);
    const { depth, flat } = this.#within(type, above + 1);
    return {
      depth: within(bounds.typeDepth, depth + 1),
      flat: within(bounds.flatValues, flat),
    };
  }

  #within(type: ValueType, above: number): Extent {
    switch (type.kind) {
      case "list":
      case "set":
        // Elements lie behind an address and a length, so they do not add to the flat values.
        return { depth: this.extent(type.element, above).depth, flat: 2 };
      case "map":
        return { depth: this.extent(type.value, above).depth, flat: 2 };
      case "option": {
        const { depth, flat } = this.extent(type.value, above);
        return { depth, flat: flat + 1 };
      }
      case "record":
        return this.#record(type.name, above);
      case "enum":
        if (!this.#enums.has(type.name)) throw unusable(`has no enum ${shown(type.name)}`);
        return { depth: 0, flat: 1 };
      default:
        return { depth: 0, flat: type.kind === "string" || type.kind === "bytes" ? 2 : 1 };
    }
  }

  #record(name: string, above: number): Extent {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const record = this.#records.get(name);
    if (record === undefined) throw unusable(`has no class ${shown(name)}`);
    if (this.#open.has(name)) throw unusable(`has a class that contains itself: ${shown(name)}`);
    this.#open.add(name);
    let depth = 0;
    let flat = 0;
    for (const { type } of record.fields) {
      const field = this.extent(type, above);
      depth = Math.max(depth, field.depth);
      flat = within(bounds.flatValues, flat + field.flat);
    }
    this.#open.delete(name);
    const extent = { depth, flat };
    this.#known.set(name, extent);
    return extent;
  }
}

function unusable(what: string): HerdError {
  return new HerdError("source.invalid", `the component's interface ${what}`);
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 64));
}
