// An app as an OpenAPI 3.1 document. Its schemas are JSON Schema 2020-12, as those of interfaces are.

import { Examples } from "../../../runtime/interface/example.js";
import type { AppInterface, FunctionType } from "../../../runtime/interface/model.js";
import { describeFunctions, describeTypes, type FunctionDescription } from "../../../runtime/interface/schema.js";
import { takesQuery } from "../../../runtime/sandbox/binding/query.js";
import type { AppRecord } from "../../catalog/model.js";
import { problemReferences, problemResponses, problemSchemas } from "./app-openapi-problems.js";

type Json = Record<string, unknown>;

const schemasPath = "#/components/schemas/";

/** The OpenAPI document of an app that is served at `url`. */
export function openApi(record: AppRecord, appInterface: AppInterface, url: string): Json {
  const paths: Record<string, Json> = {};
  const made = new Examples(appInterface);
  const byQuery = new Set(appInterface.functions.filter(takesQuery).map(({ name }) => name));
  for (const [index, description] of describeFunctions(appInterface, schemasPath).entries()) {
    const examples = examplesOf(appInterface.functions[index], made);
    paths[`/fn/${record.app}/${encodeURIComponent(description.name)}`] = {
      post: operation(description, examples),
      ...(byQuery.has(description.name) ? { get: queryOperation(description, examples) } : {}),
    };
  }
  const document = {
    openapi: "3.1.0",
    info: { title: record.app, version: record.revision },
    servers: [{ url }],
    ...(record.public ? {} : { security: [{ token: [] }] }),
    paths,
    components: {
      schemas: { ...describeTypes(appInterface, schemasPath), ...problemSchemas },
      securitySchemes: { token: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
      responses: problemResponses(),
    },
  };
  const types = [...appInterface.records, ...appInterface.enums].map(({ name }) => name);
  return withPlainNames(document, namesToChange(types)) as Json;
}

/** Example arguments and an example result of a call; undefined where an example would be too large. */
interface Shown {
  readonly arguments: Record<string, unknown> | undefined;
  readonly result: unknown;
}

function examplesOf(callable: FunctionType | undefined, examples: Examples): Shown {
  if (callable === undefined) return { arguments: undefined, result: undefined };
  return { arguments: examples.arguments(callable), result: examples.result(callable) };
}

/**
 * Replacements for names of types that `components/schemas` does not allow: there, names hold no `$` and no letter
 * beyond ASCII.
 */
function namesToChange(names: readonly string[]): Map<string, string> {
  const taken = new Set(names);
  const numbers = new Map<string, number>();
  const changes = new Map<string, string>();
  for (const name of names) {
    if (/^[a-zA-Z0-9_]+$/.test(name)) continue;
    const base = name.replace(/[^a-zA-Z0-9_]/g, "_");
    let plain = base;
    let number = numbers.get(base) ?? 0;
    for (; taken.has(plain); number++) plain = number === 0 ? `${base}_` : `${base}_${number}`;
    numbers.set(base, number);
    taken.add(plain);
    changes.set(name, plain);
  }
  return changes;
}

/** The document with those names changed, where they are defined and where they are referred to. */
function withPlainNames(document: Json & { readonly components: Json }, changes: Map<string, string>): unknown {
  if (changes.size === 0) return document;
  const renamed = JSON.parse(JSON.stringify(document), (key, value: unknown) => {
    if (key !== "$ref" || typeof value !== "string" || !value.startsWith(schemasPath)) return value;
    const name = value.slice(schemasPath.length);
    return schemasPath + (changes.get(name) ?? name);
  }) as { components: { schemas: Json } };
  const { schemas } = renamed.components;
  renamed.components.schemas = Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [changes.get(name) ?? name, schema]),
  );
  return renamed;
}

function operation(description: FunctionDescription, examples: Shown): Json {
  const { parameters } = description;
  const properties = Object.fromEntries(parameters.map(({ name, optional: _, ...schema }) => [name, schema]));
  const required = parameters.filter(({ optional }) => optional !== true).map(({ name }) => String(name));
  return {
    operationId: description.name,
    ...(description.doc === undefined ? {} : { description: description.doc }),
    requestBody: {
      required: required.length > 0,
      content: {
        "application/json": {
          schema: { type: "object", properties, required, additionalProperties: false },
          ...(examples.arguments === undefined ? {} : { example: examples.arguments }),
        },
      },
    },
    responses: responses(description, examples),
  };
}

/** The same call with its arguments in the query. No method has the id: a function and a class cannot share a name. */
function queryOperation(description: FunctionDescription, examples: Shown): Json {
  return {
    operationId: `${description.name}.query`,
    ...(description.doc === undefined ? {} : { description: description.doc }),
    parameters: description.parameters.map(({ name, optional, description: doc, ...schema }) => ({
      name,
      in: "query",
      required: optional !== true,
      ...(doc === undefined ? {} : { description: doc }),
      schema,
      ...exampleIn(examples.arguments ?? {}, String(name)),
    })),
    responses: responses(description, examples),
  };
}

/** A query holds no null: a parameter of that value has no example. */
function exampleIn(values: Readonly<Record<string, unknown>>, name: string): Json {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  return value === undefined || value === null ? {} : { example: value };
}

function responses(description: FunctionDescription, examples: Shown): Json {
  const answered =
    description.result === null
      ? { "204": { description: "Done; the function gives no result" } }
      : {
          "200": {
            description: "The result",
            content: {
              "application/json": {
                schema: description.result,
                ...(examples.result === undefined ? {} : { example: examples.result }),
              },
            },
          },
        };
  return { ...answered, ...problemReferences() };
}
