// How an app's functions are written for people: JSON Schemas as short signatures.

/** A JSON Schema, as far as signatures read it. */
export type Schema = Readonly<Record<string, unknown>>;

/** A function in the bodies of `GET /v1/apps/{app}` and `PUT`. */
export interface FunctionBody {
  readonly name: string;
  readonly url: string;
  readonly parameters: readonly (Schema & { readonly name: string; readonly optional?: boolean })[];
  readonly result: Schema | null;
}

/** An app in the bodies of `GET /v1/apps/{app}` and `PUT`. */
export interface AppBody {
  readonly app: string;
  readonly revision: string;
  readonly revisions: readonly { readonly revision: string; readonly at: string; readonly by: string }[];
  readonly functions: readonly FunctionBody[];
  readonly limits: Readonly<Record<string, number>>;
  readonly public: boolean;
  /** Names of the nodes that have the current revision. */
  readonly nodes: readonly string[];
  /** In a list: why it is without its functions. */
  readonly unlisted?: { readonly code: string; readonly detail: string };
}

/** Limits that a caller meets, in people's units: `5 s, 64 MiB of memory, …`; what the node did not tell is left out. */
export function limitsText(limits: AppBody["limits"]): string {
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
export function signature({ name, parameters, result }: FunctionBody): string {
  const list = parameters.map((entry) => `${entry.name}${entry.optional ? "?" : ""}: ${schemaText(entry)}`);
  return `${name}(${list.join(", ")}): ${result === null ? "void" : schemaText(result)}`;
}

/** A schema in a few characters; what has no short form is `…`. */
export function schemaText(schema: Schema, depth = 0): string {
  if (depth > 4) return "…";
  if (typeof schema.$ref === "string") return schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
  const choices = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(choices)) {
    const texts = choices.map((choice: Schema) => schemaText(choice, depth + 1));
    return [...new Set(texts)].filter((text) => text !== "…").join(" | ") || "…";
  }
  if (Array.isArray(schema.type)) return schema.type.join(" | ");
  if (schema.type === "array") return `${schemaText((schema.items ?? {}) as Schema, depth + 1)}[]`;
  if (schema.contentEncoding === "base64") return "base64";
  if (typeof schema.additionalProperties === "object") {
    return `{ [key]: ${schemaText(schema.additionalProperties as Schema, depth + 1)} }`;
  }
  if (typeof schema.type === "string") return schema.type;
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  return "…";
}
