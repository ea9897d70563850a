// Shapes of JSON as tables of fields: what the contract's schemas describe, for the reference.

import { z } from "zod";
import { code, table } from "./markdown-text.js";

/** The part of JSON Schema that the contract's schemas become. */
export interface JsonSchema {
  readonly id?: string;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
}

/** Where a schema holds its named parts. */
const definitions = "#/$defs/";

/** Turns schemas into text, and remembers the named ones that it met. */
export class Shapes {
  readonly named = new Map<string, JsonSchema>();
  readonly #page: string;

  /** `page` is where named types are described, seen from where the text goes; the same page when not given. */
  constructor(page = "") {
    this.#page = page;
  }

  /**
   * The JSON Schema of a value that a client sends (`input`) or a node answers (`output`); collects its named parts.
   */
  read(schema: z.ZodType, io: "input" | "output" = "output"): JsonSchema {
    const { $defs = {}, ...root } = z.toJSONSchema(schema, { io, unrepresentable: "any" }) as JsonSchema;
    for (const [name, definition] of Object.entries($defs)) this.named.set(name, definition);
    if (root.$ref?.startsWith(definitions)) return { $ref: root.$ref.slice(definitions.length) };
    if (root.id === undefined) return root;
    this.named.set(root.id, root);
    return { $ref: root.id };
  }

  /** A value in a few words, such as `array of [App](#app)`. */
  typeText(schema: JsonSchema): string {
    const { $ref, anyOf, oneOf, items, additionalProperties, type } = schema;
    if ($ref !== undefined) return $ref === "#" ? "the same" : this.#link($ref.replace(definitions, ""));
    if (schema.const !== undefined) return code(JSON.stringify(schema.const));
    if (schema.enum !== undefined) return schema.enum.map((one) => code(JSON.stringify(one))).join(", ");
    const choices = anyOf ?? oneOf;
    if (choices !== undefined) return [...new Set(choices.map((one) => this.typeText(one)))].join(" or ");
    if (type === "array") return items === undefined ? "array" : `array of ${this.typeText(items)}`;
    if (type === "object" && typeof additionalProperties === "object" && Object.keys(additionalProperties).length > 0)
      return `object of ${this.typeText(additionalProperties)} by name`;
    if (type === undefined) return "any JSON";
    return typeof type === "string" ? bounded(type, schema) : type.join(" or ");
  }

  /** The fields of an object, those of nested ones too, as a table; empty for what has no fields. */
  fieldTable(schema: JsonSchema, head = "field"): string {
    const rows = this.#rows(schema, "");
    return rows.length === 0 ? "" : table([head, "type", "meaning"], rows);
  }

  #link(name: string): string {
    return `[${name}](${this.#page}#${name.toLowerCase()})`;
  }

  #rows(schema: JsonSchema, prefix: string): string[][] {
    const { properties = {}, required = [] } = schema;
    return Object.entries(properties).flatMap(([name, field]) => {
      const mark = required.includes(name) ? "" : "?";
      const row = [`${code(prefix + name)}${mark}`, this.typeText(field), field.description ?? ""];
      const inner = field.type === "array" ? field.items : field;
      const below = field.type === "array" ? `${prefix}${name}[].` : `${prefix}${name}.`;
      return [row, ...(inner?.properties === undefined ? this.#choiceRows(field, below) : this.#rows(inner, below))];
    });
  }

  /** The fields of an object that may also be null. */
  #choiceRows({ anyOf = [] }: JsonSchema, prefix: string): string[][] {
    return anyOf.flatMap((one) => (one.properties === undefined ? [] : this.#rows(one, prefix)));
  }
}

/** A type with the bounds that a value has to keep; those that every safe integer keeps are none. */
function bounded(type: string, { minimum, maximum, maxLength }: JsonSchema): string {
  if (maxLength !== undefined) return `${type} of at most ${maxLength.toLocaleString("en")}`;
  const least = minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? undefined : minimum.toLocaleString("en");
  const most = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum.toLocaleString("en");
  if (least !== undefined && most !== undefined) return `${type} from ${least} to ${most}`;
  if (least !== undefined && least !== "0") return `${type} from ${least}`;
  return most === undefined ? type : `${type} up to ${most}`;
}
