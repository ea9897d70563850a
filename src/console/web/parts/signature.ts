// The signature of a function in one line.

import type { AppFunction, Schema } from "../../../api/apps.ts";

/** `add(a: integer, b?: integer): integer`. */
export function signatureOf({ name, parameters, result }: AppFunction): string {
  const listed = parameters.map((one) => `${one.name}${one.optional ? "?" : ""}: ${typeText(one)}`);
  return `${name}(${listed.join(", ")}): ${result === null ? "void" : typeText(result)}`;
}

/** The name of a schema's type. */
function typeText(schema: Schema): string {
  if (schema.$ref !== undefined) return schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
  if (schema.anyOf !== undefined) return unionText(schema.anyOf);
  if (schema.contentEncoding === "base64") return "bytes";
  if (schema.type === "array") return `${typeText(schema.items ?? {})}[]`;
  if (schema.type === "object" && typeof schema.additionalProperties === "object") {
    return `{[key]: ${typeText(schema.additionalProperties)}}`;
  }
  if (schema.type === "object") {
    const fields = Object.entries(schema.properties ?? {});
    return `{${fields.map(([name, field]) => `${name}: ${typeText(field)}`).join(", ")}}`;
  }
  return schema.type ?? "any";
}

/** A union is an option, or one number in two spellings. */
function unionText(union: readonly Schema[]): string {
  const [first = {}] = union;
  return union.some(({ type }) => type === "null") ? `${typeText(first)} | null` : typeText(first);
}
