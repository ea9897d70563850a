// A call's arguments: JSON (object by name or array by position) or a query string → values in the parameters' order.
import { HerdError } from "../../../src/core/errors.js";
import type { FunctionType } from "../../interface/model.js";
import { optionalParameters } from "../../interface/schema.js";
import type { ArgumentFormat } from "../call.js";
import { parseJson } from "./json-text.js";
import { cut, excerpt, jsonPointer } from "./mismatch.js";
import { parseQuery } from "./query.js";

interface Expected {
  readonly name: string;
  /** Value of a left-out argument; a property without `absent` is required. */
  readonly absent?: { readonly value: null | undefined };
}

/** Reads the arguments of one function: the result has one value per parameter, `undefined` for "take the default". */
export class ArgumentReader {
  readonly #fn: FunctionType;
  readonly #expected: readonly Expected[];
  readonly #names: ReadonlySet<string>;
  readonly #required: number;

  constructor(fn: FunctionType) {
    this.#fn = fn;
    this.#expected = expectedArguments(fn);
    this.#names = new Set(this.#expected.map(({ name }) => name));
    this.#required = this.#expected.findLastIndex(({ absent }) => absent === undefined) + 1;
  }

  /** Throws HerdError `request.malformed` or `arguments.invalid`. */
  read(
    text: string,
    format: ArgumentFormat,
  ): { readonly values: unknown[]; readonly steps: (index: number) => string | number } {
    const given = format === "query" ? parseQuery(text, this.#fn) : text === "" ? [] : parseJson(text);
    if (Array.isArray(given)) return { values: this.#byPosition(given), steps: (index) => index };
    if (typeof given !== "object" || given === null) {
      throw this.#invalid(`takes an object of named arguments or an array, not ${excerpt(given)}`, "");
    }
    return {
      values: this.#byName(given as Record<string, unknown>),
      steps: (index) => this.#expected[index]?.name ?? index,
    };
  }

  #byPosition(given: readonly unknown[]): unknown[] {
    const count = this.#expected.length;
    if (given.length > count) {
      throw this.#invalid(`takes ${plural(count)}, but ${given.length} came`, jsonPointer([count]));
    }
    if (given.length < this.#required) {
      const { name } = this.#expected[given.length] ?? { name: "" };
      throw this.#invalid(
        `takes at least ${plural(this.#required)}; "${name}" is missing`,
        jsonPointer([given.length]),
      );
    }
    return this.#expected.map(({ absent }, index) => (index < given.length ? given[index] : absent?.value));
  }

  #byName(given: Record<string, unknown>): unknown[] {
    const values: unknown[] = [];
    for (const { name, absent } of this.#expected) {
      if (Object.hasOwn(given, name)) {
        values.push(given[name]);
      } else if (absent === undefined) {
        throw this.#invalid(`argument "${cut(name)}" is missing`, jsonPointer([name]));
      } else {
        values.push(absent.value);
      }
    }
    for (const key in given) if (!this.#names.has(key)) throw this.#unknown(key);
    return values;
  }

  #unknown(key: string): HerdError {
    const known = this.#expected.slice(0, 16).map(({ name }) => `"${cut(name)}"`);
    const takes = known.length === 0 ? "takes no arguments" : `takes ${known.join(", ")}`;
    return this.#invalid(`has no parameter "${cut(key)}"; it ${takes}`, jsonPointer([key]));
  }

  #invalid(what: string, where: string): HerdError {
    return new HerdError("arguments.invalid", `${this.#fn.name}: ${what}`, { where });
  }
}

function expectedArguments(fn: FunctionType): Expected[] {
  const self: Expected[] = fn.self === undefined ? [] : [{ name: "self" }];
  const optional = optionalParameters(fn);
  return [
    ...self,
    ...fn.parameters.map(({ name, default: fallback }, index): Expected => {
      if (optional[index] !== true) return { name };
      return { name, absent: { value: fallback === undefined ? null : undefined } };
    }),
  ];
}

function plural(count: number): string {
  return count === 0 ? "no arguments" : count === 1 ? "1 argument" : `${count} arguments`;
}
