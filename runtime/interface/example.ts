// Values that fit an app's types: what a call can be tried with, and what documentation shows.

import type { AppInterface, FunctionType, ValueType } from "./model.js";

/** Arguments by name for every parameter that has no default. */
export function exampleArguments(callable: FunctionType, app: AppInterface): Record<string, unknown> {
  const args: Record<string, unknown> = {};
  if (callable.self !== undefined) args.self = exampleValue({ kind: "record", name: callable.self }, app);
  for (const { name, type, default: fallback } of callable.parameters) {
    if (fallback === undefined) args[name] = exampleValue(type, app);
  }
  return args;
}

/** A result as a call answers it; undefined for one that has none. */
export function exampleResult({ self, result }: FunctionType, app: AppInterface): unknown {
  const own = result === null ? null : exampleValue(result, app);
  if (self === undefined) return own ?? undefined;
  return { self: exampleValue({ kind: "record", name: self }, app), result: own };
}

/** A JSON value of a type. */
export function exampleValue(type: ValueType, app: AppInterface): unknown {
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
      return [exampleValue(type.element, app)];
    case "map":
      return { key: exampleValue(type.value, app) };
    case "record": {
      const fields = app.records.find(({ name }) => name === type.name)?.fields ?? [];
      return Object.fromEntries(fields.map((field) => [field.name, exampleValue(field.type, app)]));
    }
    case "enum":
      return app.enums.find(({ name }) => name === type.name)?.members[0]?.name;
    default:
      return 10;
  }
}
