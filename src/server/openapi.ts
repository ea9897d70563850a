// An app as an OpenAPI 3.1 document, whose schemas are JSON Schema 2020-12 like ours.

import type { AppInterface } from "../../runtime/interface/model.js";
import { describeFunctions, describeTypes, type FunctionDescription } from "../../runtime/interface/schema.js";
import { takesQuery } from "../../runtime/sandbox/binding/query.js";
import type { AppRecord } from "../catalog/model.js";

type Json = Record<string, unknown>;

const schemasPath = "#/components/schemas/";

const problemSchema = {
  type: "object",
  required: ["status", "code", "title"],
  properties: {
    status: { type: "integer" },
    code: { type: "string" },
    title: { type: "string" },
    detail: { type: "string" },
    where: { type: "string" },
  },
};

/** The OpenAPI document of an app that is served at `url`. */
export function openApi(record: AppRecord, appInterface: AppInterface, url: string): Json {
  const paths: Record<string, Json> = {};
  const byQuery = new Set(appInterface.functions.filter(takesQuery).map(({ name }) => name));
  for (const description of describeFunctions(appInterface, schemasPath)) {
    paths[`/fn/${record.app}/${encodeURIComponent(description.name)}`] = {
      post: operation(description),
      ...(byQuery.has(description.name) ? { get: queryOperation(description) } : {}),
    };
  }
  return {
    openapi: "3.1.0",
    info: { title: record.app, version: record.revision },
    servers: [{ url }],
    ...(record.public ? {} : { security: [{ token: [] }] }),
    paths,
    components: {
      schemas: describeTypes(appInterface, schemasPath),
      securitySchemes: { token: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
      responses: {
        Problem: {
          description: "An error, by its code (RFC 9457)",
          content: { "application/problem+json": { schema: problemSchema } },
        },
      },
    },
  };
}

function operation(description: FunctionDescription): Json {
  const properties: Record<string, unknown> = {};
  const required: string[] = [];
  for (const { name, optional, ...schema } of description.parameters) {
    properties[String(name)] = schema;
    if (optional !== true) required.push(String(name));
  }
  return {
    operationId: description.name,
    ...(description.doc === undefined ? {} : { description: description.doc }),
    requestBody: {
      required: required.length > 0,
      content: {
        "application/json": { schema: { type: "object", properties, required, additionalProperties: false } },
      },
    },
    responses: responses(description),
  };
}

/** The same call with its arguments in the query. No method has the id: a function and a class cannot share a name. */
function queryOperation(description: FunctionDescription): Json {
  return {
    operationId: `${description.name}.query`,
    ...(description.doc === undefined ? {} : { description: description.doc }),
    parameters: description.parameters.map(({ name, optional, description: doc, ...schema }) => ({
      name,
      in: "query",
      required: optional !== true,
      ...(doc === undefined ? {} : { description: doc }),
      schema,
    })),
    responses: responses(description),
  };
}

function responses(description: FunctionDescription): Json {
  const answered =
    description.result === null
      ? { "204": { description: "Done; the function gives no result" } }
      : {
          "200": {
            description: "The result",
            content: { "application/json": { schema: description.result } },
          },
        };
  return { ...answered, default: { $ref: "#/components/responses/Problem" } };
}
