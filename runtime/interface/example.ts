// Example values of an app's types, to try a call with and to show in documentation.

import type { AppInterface, EnumType, Field, FunctionType, ValueType } from "./model.js";

/** Values of one example beyond the smallest value of its type; above this, lists stay empty. */
const spareValues = 256;
/** Values of all examples that one {@link Examples} makes; later types get no example. */
const mostValues = 50_000;

/**
 * Examples for one interface, bounded in all and each: a few lines of classes can hold each other a million times. An
 * example is cut where it stays valid (an empty list or map), or left out.
 */
export class Examples {
  readonly #fields: ReadonlyMap<string, readonly Field[]>;
  readonly #enums: ReadonlyMap<string, EnumType>;
  readonly #fewest = new Map<string, number>();
  #left = mostValues;
  #spare = 0;

  constructor(app: AppInterface) {
    this.#fields = new Map(app.records.map(({ name, fields }) => [name, fields]));
    this.#enums = new Map(app.enums.map((one) => [one.name, one]));
  }

  /** Arguments by name for every parameter without a default; undefined when they would be too large. */
  arguments({ self, parameters }: FunctionType): Record<string, unknown> | undefined {
    const types: [string, ValueType][] = self === undefined ? [] : [["self", { kind: "record", name: self }]];
    for (const { name, type, default: fallback } of parameters) if (fallback === undefined) types.push([name, type]);
    return this.#begin(types.map(([, type]) => type))
      ? Object.fromEntries(types.map(([name, type]) => [name, this.#value(type)]))
      : undefined;
  }

  /** A result as a call returns it; undefined when there is none, or when it would be too large. */
  result({ self, result }: FunctionType): unknown {
    const types: ValueType[] = result === null ? [] : [result];
    if (self !== undefined) types.push({ kind: "record", name: self });
    if (!this.#begin(types)) return undefined;
    const own = result === null ? null : this.#value(result);
    return self === undefined ? (own ?? undefined) : { self: this.#value({ kind: "record", name: self }), result: own };
  }

  /**
   * Takes the smallest number of values of `types` from the budget, and a share for more; false when the budget is too
   * small.
   */
  #begin(types: readonly ValueType[]): boolean {
    const least = types.reduce((sum, type) => sum + this.#least(type), 0);
    if (least > this.#left) return false;
    this.#spare = Math.min(spareValues, this.#left - least);
    this.#left -= least + this.#spare;
    return true;
  }

  #least(type: ValueType): number {
    if (type.kind !== "record") return 1;
    const known = this.#fewest.get(type.name);
    if (known !== undefined) return known;
    const fields = this.#fields.get(type.name) ?? [];
    const least = fields.reduce((sum, field) => sum + this.#least(field.type), 1);
    this.#fewest.set(type.name, least);
    return least;
  }

  #value(type: ValueType): unknown {
    switch (type.kind) {
      case "string":
        return "world";
      case "bool":
        return true;
      case "bytes":
        return Buffer.from("world").toString("base64");
      case "option":
        return null;
      case "list":
      case "set":
        return this.#affords(type.element) ? [this.#value(type.element)] : [];
      case "map":
        return this.#affords(type.value) ? { key: this.#value(type.value) } : {};
      case "record": {
        const fields = this.#fields.get(type.name) ?? [];
        return Object.fromEntries(fields.map((field) => [field.name, this.#value(field.type)]));
      }
      case "enum":
        return this.#enums.get(type.name)?.members[0]?.name;
      default:
        return 10;
    }
  }

  #affords(type: ValueType): boolean {
    const least = this.#least(type);
    if (least > this.#spare) return false;
    this.#spare -= least;
    return true;
  }
}
