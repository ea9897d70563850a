// Query strings as arguments: text by name, converted by the parameter's type.
import { HerdError } from "../../../src/core/errors.js";
import type { FunctionType, ValueType } from "../../interface/model.js";
import { cut, jsonPointer } from "./mismatch.js";

const number = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;

/** True when `fn` can be called with a query string: every parameter is a scalar, a string or an enum, or an option of one. */
export function takesQuery(fn: FunctionType): boolean {
  return (
    fn.self === undefined && fn.parameters.every(({ type }) => isPlain(type.kind === "option" ? type.value : type))
  );
}

function isPlain({ kind }: ValueType): boolean {
  return !["bytes", "list", "set", "map", "option", "record"].includes(kind);
}

/**
 * The arguments in `query` (no leading `?`) by name, ready for lowering's checks: a text that does not read as its type is
 * left a string, which lowering refuses. Throws HerdError `arguments.invalid` for a repeated name.
 */
export function parseQuery(query: string, fn: FunctionType): Record<string, unknown> {
  if (!takesQuery(fn)) {
    throw new HerdError("method.unsupported", `${fn.name} has parameters that a query string cannot hold: use POST`);
  }
  const types = new Map(fn.parameters.map(({ name, type }) => [name, type.kind === "option" ? type.value : type]));
  const values = Object.create(null) as Record<string, unknown>;
  for (const [name, text] of new URLSearchParams(query)) {
    if (name in values) {
      const where = jsonPointer([name]);
      throw new HerdError("arguments.invalid", `${fn.name}: "${cut(name)}" is given twice`, { where });
    }
    const type = types.get(name);
    values[name] = type === undefined ? text : convert(text, type);
  }
  return values;
}

function convert(text: string, { kind }: ValueType): unknown {
  if (kind === "bool") return text === "true" ? true : text === "false" ? false : text;
  const isText = kind === "string" || kind === "enum" || kind === "s64" || kind === "u64";
  return !isText && number.test(text) ? Number(text) : text;
}
