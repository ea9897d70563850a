// Parameters of a function as fields of a form: read from JSON Schemas, filled with examples, read back as arguments.

import type { AppFunction, Schema } from "../../../api/apps.ts";
import { text } from "../text.ts";

/** The kind of value that a field of the form takes. */
export type FieldType =
  | { readonly kind: "bool" }
  | { readonly kind: "integer"; readonly minimum: number | undefined; readonly maximum: number | undefined }
  | { readonly kind: "big"; readonly signed: boolean }
  | { readonly kind: "float" }
  | { readonly kind: "string" }
  | { readonly kind: "bytes" }
  | { readonly kind: "enum"; readonly members: readonly string[] }
  | { readonly kind: "list"; readonly element: FieldType }
  | { readonly kind: "map"; readonly value: FieldType }
  | { readonly kind: "option"; readonly value: FieldType }
  | { readonly kind: "record"; readonly name: string; readonly fields: readonly RecordField[] };

/** A field of a record. */
interface RecordField {
  readonly name: string;
  readonly type: FieldType;
  readonly doc: string | undefined;
}

/**
 * The content of a field: text for numbers, strings and bytes; a boolean; entries of a list; pairs of a map; fields of
 * a record; null for an option without a value.
 */
export type Draft = string | boolean | null | DraftList | DraftMap | DraftRecord;
/** Entries, each with an id that stays the same while other entries are added and removed. */
interface DraftList {
  readonly list: readonly { readonly id: number; readonly value: Draft }[];
}
/** Pairs in their order. */
interface DraftMap {
  readonly pairs: readonly { readonly id: number; readonly key: string; readonly value: Draft }[];
}
/** Fields by name. */
interface DraftRecord {
  readonly fields: Readonly<Record<string, Draft>>;
}

/** A parameter of the form. */
export interface FormParameter {
  readonly name: string;
  readonly type: FieldType;
  readonly optional: boolean;
  readonly doc: string | undefined;
  /** The default when the parameter is left out, as in the source. */
  readonly fallback: string | undefined;
}

type Types = Readonly<Record<string, Schema>>;

/** The parameters of a function. */
export function parametersOf(callable: AppFunction, types: Types): FormParameter[] {
  return callable.parameters.map((one) => ({
    name: one.name,
    type: typeOf(one, types),
    optional: one.optional,
    doc: one.description,
    fallback: one["x-default"] ?? (one.default === undefined ? undefined : JSON.stringify(one.default)),
  }));
}

function typeOf(schema: Schema, types: Types): FieldType {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
    return namedType(name, types);
  }
  if (schema.anyOf !== undefined) return unionType(schema.anyOf, types);
  if (schema.enum !== undefined) return { kind: "enum", members: schema.enum };
  if (schema.contentEncoding === "base64") return { kind: "bytes" };
  if (schema.type === "array") return { kind: "list", element: typeOf(schema.items ?? {}, types) };
  if (schema.type === "object" && typeof schema.additionalProperties === "object") {
    return { kind: "map", value: typeOf(schema.additionalProperties, types) };
  }
  if (schema.type === "boolean") return { kind: "bool" };
  if (schema.type === "integer") return { kind: "integer", minimum: schema.minimum, maximum: schema.maximum };
  if (schema.type === "number") return { kind: "float" };
  return { kind: "string" };
}

function namedType(name: string, types: Types): FieldType {
  const schema = types[name] ?? {};
  if (schema.enum !== undefined) return { kind: "enum", members: schema.enum };
  const fields = Object.entries(schema.properties ?? {}).map(([field, of]) => ({
    name: field,
    type: typeOf(of, types),
    doc: of.description,
  }));
  return { kind: "record", name, fields };
}

/** A union: an option, a 64-bit integer (number or text), or a float (number, or `NaN` and the infinities as text). */
function unionType(union: readonly Schema[], types: Types): FieldType {
  const [first = {}] = union;
  if (union.some(({ type }) => type === "null")) return { kind: "option", value: typeOf(first, types) };
  return first.type === "integer" ? { kind: "big", signed: (first.minimum ?? 0) < 0 } : { kind: "float" };
}

let ids = 0;

/** An id for one more entry of a list or map. */
export function nextId(): number {
  return ++ids;
}

/** A value that fits a type, as a start. */
export function exampleOf(type: FieldType): Draft {
  switch (type.kind) {
    case "bool":
      return true;
    case "string":
      return "world";
    case "bytes":
      return btoa("world");
    case "enum":
      return type.members[0] ?? "";
    case "option":
      return null;
    case "list":
      return { list: [{ id: nextId(), value: exampleOf(type.element) }] };
    case "map":
      return { pairs: [{ id: nextId(), key: "key", value: exampleOf(type.value) }] };
    case "record":
      return { fields: Object.fromEntries(type.fields.map((field) => [field.name, exampleOf(field.type)])) };
    default:
      return "10";
  }
}

/** A draft as the JSON value of an argument. Text that does not fit is sent unchanged: the node answers the reason. */
export function argumentOf(type: FieldType, draft: Draft): unknown {
  if (draft === null) return null;
  if (type.kind === "option") return argumentOf(type.value, draft);
  if (typeof draft === "boolean") return draft;
  if (typeof draft === "string") return scalarOf(type, draft);
  if ("list" in draft) {
    const element = type.kind === "list" ? type.element : anything;
    return draft.list.map(({ value }) => argumentOf(element, value));
  }
  if ("pairs" in draft) {
    const of = type.kind === "map" ? type.value : anything;
    return Object.fromEntries(draft.pairs.map(({ key, value }) => [key, argumentOf(of, value)]));
  }
  const fields = type.kind === "record" ? type.fields : [];
  return Object.fromEntries(
    fields.map((field) => [field.name, argumentOf(field.type, draft.fields[field.name] ?? null)]),
  );
}

const anything: FieldType = { kind: "string" };

function scalarOf(type: FieldType, typed: string): unknown {
  if (type.kind !== "integer" && type.kind !== "big" && type.kind !== "float") return typed;
  const trimmed = typed.trim();
  if (trimmed === "") return null;
  const number = Number(trimmed);
  if (!Number.isFinite(number)) return trimmed;
  // Beyond 2^53 a number would lose digits, text keeps them.
  return type.kind === "big" && !Number.isSafeInteger(number) ? trimmed : number;
}

/** Why the typed text does not fit the type, in words; undefined when the text fits. */
export function misfitOf(type: FieldType, draft: Draft): string | undefined {
  if (typeof draft !== "string") return undefined;
  const typed = draft.trim();
  if (type.kind === "float") {
    const named = ["NaN", "Infinity", "-Infinity"].includes(typed);
    return named || (typed !== "" && Number.isFinite(Number(typed))) ? undefined : text.tryIt.notANumber;
  }
  if (type.kind === "big") return /^-?[0-9]+$/.test(typed) ? undefined : text.tryIt.notAnInteger;
  if (type.kind !== "integer") return undefined;
  if (!/^-?[0-9]+$/.test(typed)) return text.tryIt.notAnInteger;
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = type;
  return Number(typed) >= minimum && Number(typed) <= maximum ? undefined : text.tryIt.outOfRange(minimum, maximum);
}
