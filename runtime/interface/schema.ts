// JSON Schema (2020-12) of an app's values: arguments and results of its endpoints (docs/reference/values.md).
import type { Parameter, Schema } from "../../src/api/apps.js";
import type { AppInterface, FunctionType, ScalarKind, Parameter as TypedParameter, ValueType } from "./model.js";

/** A function as its callers see it. Each parameter is a JSON Schema with its `name`, and whether it is `optional`. */
export interface FunctionDescription {
  readonly name: string;
  readonly doc?: string;
  readonly parameters: readonly Parameter[];
  /** `null` for void. */
  readonly result: Schema | null;
}

const integerBits: Partial<Record<ScalarKind, readonly [signed: boolean, bits: number]>> = {
  s8: [true, 8],
  s16: [true, 16],
  s32: [true, 32],
  s64: [true, 64],
  u8: [false, 8],
  u16: [false, 16],
  u32: [false, 32],
  u64: [false, 64],
};

/** Every function of `app`. References to named types are `{typesPath}Name`. */
export function describeFunctions(app: AppInterface, typesPath = "#/types/"): FunctionDescription[] {
  return app.functions.map((fn) => ({
    name: fn.name,
    ...(fn.doc !== undefined && { doc: fn.doc }),
    parameters: describeParameters(fn, typesPath),
    result: describeResult(fn, typesPath),
  }));
}

/** Every named type of `app`, by name. */
export function describeTypes(app: AppInterface, typesPath = "#/types/"): Record<string, Schema> {
  // Built from entries: a type may be named __proto__.
  return Object.fromEntries([
    ...app.records.map(({ name, fields, doc }): [string, Schema] => {
      const properties = fields.map((field) => [
        field.name,
        { ...valueSchema(field.type, typesPath), ...description(field.doc) },
      ]);
      const schema = {
        type: "object",
        ...description(doc),
        properties: Object.fromEntries(properties),
        required: fields.map((field) => field.name),
        additionalProperties: false,
      };
      return [name, schema];
    }),
    ...app.enums.map(({ name, members, doc }): [string, Schema] => [
      name,
      { type: "string", ...description(doc), enum: members.map((member) => member.name) },
    ]),
  ]);
}

/**
 * For each parameter, whether a call may leave it out: it has a default, or is nullable with no needed one after it.
 */
export function optionalParameters({ parameters }: FunctionType): boolean[] {
  const lastNeeded = parameters.findLastIndex(
    ({ type, default: fallback }) => type.kind !== "option" && fallback === undefined,
  );
  return parameters.map(({ default: fallback }, position) => fallback !== undefined || position > lastNeeded);
}

function describeParameters(fn: FunctionType, typesPath: string): Parameter[] {
  const optional = optionalParameters(fn);
  const parameters: Parameter[] = fn.parameters.map((parameter, position) => ({
    name: parameter.name,
    ...valueSchema(parameter.type, typesPath),
    optional: optional[position] === true,
    ...description(parameter.doc),
    ...defaultOf(parameter),
  }));
  if (fn.self === undefined) return parameters;
  return [{ name: "self", $ref: typesPath + fn.self, optional: false }, ...parameters];
}

function describeResult({ self, result }: FunctionType, typesPath: string): Schema | null {
  const own = result === null ? null : valueSchema(result, typesPath);
  if (self === undefined) return own;
  return {
    type: "object",
    properties: { self: { $ref: typesPath + self }, result: own ?? { type: "null" } },
    required: ["self", "result"],
    additionalProperties: false,
  };
}

/** The schema of a value of `type`. */
function valueSchema(type: ValueType, typesPath: string): Schema {
  switch (type.kind) {
    case "bool":
      return { type: "boolean" };
    case "string":
      return { type: "string" };
    case "bytes":
      return { type: "string", contentEncoding: "base64" };
    case "list":
    case "set":
      return { type: "array", items: valueSchema(type.element, typesPath) };
    case "map":
      return { type: "object", additionalProperties: valueSchema(type.value, typesPath) };
    case "option":
      return { anyOf: [valueSchema(type.value, typesPath), { type: "null" }] };
    case "record":
    case "enum":
      return { $ref: typesPath + type.name };
    case "f32":
    case "f64":
      return { anyOf: [{ type: "number" }, { enum: ["NaN", "Infinity", "-Infinity"] }] };
    default:
      return integerSchema(type.kind);
  }
}

function integerSchema(kind: ScalarKind): Schema {
  const [signed, bits] = integerBits[kind] ?? [true, 32];
  if (bits === 64) {
    const range = { minimum: signed ? -Number.MAX_SAFE_INTEGER : 0, maximum: Number.MAX_SAFE_INTEGER };
    return {
      anyOf: [
        { type: "integer", ...range },
        { type: "string", pattern: signed ? "^-?[0-9]+$" : "^[0-9]+$" },
      ],
    };
  }
  const span = 2 ** bits;
  return signed
    ? { type: "integer", minimum: -span / 2, maximum: span / 2 - 1 }
    : { type: "integer", minimum: 0, maximum: span - 1 };
}

/** The default as a JSON value when its source is a literal in JSON; its source is included in any case. */
function defaultOf({ default: source }: TypedParameter): Schema {
  if (source === undefined) return {};
  try {
    return { default: JSON.parse(source) as unknown };
  } catch {
    return { "x-default": source };
  }
}

function description(doc: string | undefined): Schema {
  return doc === undefined ? {} : { description: doc };
}
