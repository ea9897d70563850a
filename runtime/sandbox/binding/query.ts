// Query strings as arguments: text by name, converted by the parameter's type.
import { HerdError } from "../../../src/core/errors.js";
import type { FunctionType, ValueType } from "../../interface/model.js";
import { cut, jsonPointer } from "./mismatch.js";

const number = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;

/**
 * Whether `fn` can be called with a query string: every parameter is a scalar, a string or an enum, or an option of
 * one.
 */
export function takesQuery(fn: FunctionType): boolean {
  return (
    fn.self === undefined && fn.parameters.every(({ type }) => isPlain(type.kind === "option" ? type.value : type))
  );
}

function isPlain({ kind }: ValueType): boolean {
  return !["bytes", "list", "set", "map", "option", "record"].includes(kind);
}

/**
 * The arguments in `query` (no leading `?`) by name, ready for lowering's checks: a text that does not parse as its
 * type stays a string, which lowering refuses. Throws HerdError `arguments.invalid` for a repeated name.
 */
export function parseQuery(query: string, fn: FunctionType): Record<string, unknown> {
  if (!takesQuery(fn)) {
    throw new HerdError("method.unsupported", `${fn.name} has parameters that a query string cannot hold: use POST`);
  }
  const types = new Map(fn.parameters.map(({ name, type }) => [name, type.kind === "option" ? type.value : type]));
  const values = Object.create(null) as Record<string, unknown>;
  for (const { name, text } of pairs(query, fn)) {
    if (name in values) {
      const where = jsonPointer([name]);
      throw new HerdError("arguments.invalid", `${fn.name}: "${cut(name)}" is given twice`, { where });
    }
    const type = types.get(name);
    values[name] = type === undefined ? text : convert(text, type);
  }
  return values;
}

/**
 * Names and texts of a query, as URLSearchParams reads them, except that invalid UTF-8 is refused instead of changed.
 */
function* pairs(query: string, fn: FunctionType): Generator<{ name: string; text: string }> {
  let at = 0;
  for (const part of query.split("&")) {
    const equals = part.indexOf("=");
    const end = equals < 0 ? part.length : equals;
    if (part !== "") {
      const name = decoded(part.slice(0, end), { fn, at });
      yield { name, text: decoded(part.slice(end + 1), { fn, at: at + end + 1, name }) };
    }
    at += part.length + 1;
  }
}

interface QueryPlace {
  readonly fn: FunctionType;
  /** Characters of the query before this text. */
  readonly at: number;
  /** The parameter of the text. */
  readonly name?: string;
}

/** Percent-decoded (RFC 3986, section 2.1), with `+` as a space. U+FFFD stands where the request line was no UTF-8. */
function decoded(text: string, { fn, at, name }: QueryPlace): string {
  try {
    if (!text.includes("\ufffd")) return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    // Handled below: the place of the fault makes the message.
  }
  const whose = name === undefined ? "a name" : `the text of "${cut(name)}"`;
  const what = `${whose} is not percent-encoded UTF-8 (at character ${at + faultAt(text)} of the query)`;
  if (name === undefined) throw new HerdError("request.malformed", `${fn.name}: ${what}`);
  throw new HerdError("arguments.invalid", `${fn.name}: ${what}`, { where: jsonPointer([name]) });
}

/** Offset of the first run of escapes in `text` that does not decode, or of invalid UTF-8. */
function faultAt(text: string): number {
  for (const { 0: run, index } of text.matchAll(/(?:%[0-9a-fA-F]{2})+|[%\ufffd]/g)) {
    try {
      if (run !== "\ufffd") decodeURIComponent(run);
      else return index;
    } catch {
      return index;
    }
  }
  return 0;
}

function convert(text: string, { kind }: ValueType): unknown {
  if (kind === "bool") return text === "true" ? true : text === "false" ? false : text;
  const isText = kind === "string" || kind === "enum" || kind === "s64" || kind === "u64";
  return !isText && number.test(text) ? Number(text) : text;
}
