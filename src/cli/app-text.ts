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
  readonly public: boolean;
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
