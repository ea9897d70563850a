// Functions of an app for people: JSON Schemas as short signatures, limits in readable units.

import type { App, AppFunction, Schema } from "../api/apps.js";

/** Limits of calls in readable units: `5 s, 64 MiB of memory, …`; limits that the answer does not have are left out. */
export function limitsText(limits: App["limits"]): string {
  const { deadlineMs, memoryBytes, argumentBytes, resultBytes, logLines } = limits;
  return [
    ...(deadlineMs === undefined ? [] : [`${deadlineMs / 1_000} s`]),
    ...(memoryBytes === undefined ? [] : [`${bytesText(memoryBytes)} of memory`]),
    ...(argumentBytes === undefined ? [] : [`${bytesText(argumentBytes)} of arguments`]),
    ...(resultBytes === undefined ? [] : [`${bytesText(resultBytes)} of result`]),
    ...(logLines === undefined ? [] : [`${logLines} log lines a call`]),
  ].join(", ");
}

function bytesText(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  const exponent = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  return `${Math.round((bytes / 1_024 ** exponent) * 10) / 10} ${units[exponent]}`;
}

/** `add(a: integer, b?: integer): integer`. */
export function signature({ name, parameters, result }: Pick<AppFunction, "name" | "parameters" | "result">): string {
  const list = parameters.map((entry) => `${entry.name}${entry.optional ? "?" : ""}: ${schemaText(entry)}`);
  return `${name}(${list.join(", ")}): ${result === null ? "void" : schemaText(result)}`;
}

/** A schema in a few characters; `…` for a schema that has no short form. */
function schemaText(schema: Schema, depth = 0): string {
  if (depth > 4) return "…";
  if (typeof schema.$ref === "string") return schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
  if (schema.anyOf !== undefined) {
    const texts = schema.anyOf.map((choice) => schemaText(choice, depth + 1));
    return [...new Set(texts)].filter((text) => text !== "…").join(" | ") || "…";
  }
  if (schema.type === "array") return `${schemaText(schema.items ?? {}, depth + 1)}[]`;
  if (schema.contentEncoding === "base64") return "base64";
  if (typeof schema.additionalProperties === "object") {
    return `{ [key]: ${schemaText(schema.additionalProperties, depth + 1)} }`;
  }
  if (typeof schema.type === "string") return schema.type;
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  return "…";
}
