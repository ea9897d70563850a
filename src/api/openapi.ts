// The description of the HTTPS interface in OpenAPI 3.1, made from the table of routes.

import * as z from "zod";
import { type ErrorCode, errorTable } from "../core/error-codes.js";
import { callRequestHeaders } from "./calls.js";
import { problem } from "./problem-document.js";
import type { Answer, Content, Route } from "./route.js";
import { problemsOf } from "./route-problems.js";
import { routes } from "./routes.js";

type Json = Readonly<Record<string, unknown>>;

const schemasPath = "#/components/schemas/";

/**
 * The document of `GET /v1/openapi.json`: every path below `/v1` and the call of functions. The schemas are JSON
 * Schema 2020-12.
 */
export function interfaceDocument(): Json {
  const paths: Record<string, Record<string, Json>> = {};
  const schemas = new NamedSchemas();
  for (const route of routes) {
    paths[route.path] ??= {};
    Object.assign(paths[route.path] ?? {}, { [route.method.toLowerCase()]: operation(route, schemas) });
  }
  return {
    openapi: "3.1.0",
    info: { title: "Wasmherd", version: "1", description: "The HTTPS interface of a node." },
    paths,
    components: {
      schemas: { ...schemas.all, Problem: schemas.of(problem, "output") },
      securitySchemes: { token: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
    },
  };
}

/** Schemas as JSON Schema. A schema with an id is written once, below `components`. */
class NamedSchemas {
  readonly all: Record<string, Json> = {};

  /** The schema of what is sent (`input`) or answered (`output`). */
  of(schema: z.ZodType, io: "input" | "output"): Json {
    const {
      $defs = {},
      $schema: _,
      id: __,
      ...root
    } = z.toJSONSchema(schema, { io, unrepresentable: "any" }) as {
      readonly $defs?: Readonly<Record<string, Json>>;
      readonly [key: string]: unknown;
    };
    for (const [name, { id: ___, ...definition }] of Object.entries($defs)) {
      this.all[name] ??= withPaths(definition) as Json;
    }
    return withPaths(root) as Json;
  }
}

/** References into `$defs` become references into the components. */
function withPaths(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withPaths);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === "$ref" && typeof inner === "string" ? inner.replace("#/$defs/", schemasPath) : withPaths(inner),
    ]),
  );
}

function operation(route: Route, schemas: NamedSchemas): Json {
  const parameters = [
    ...parametersIn("path", route.parameters, schemas),
    ...parametersIn("query", route.query, schemas),
    ...(route.path.startsWith("/fn/") ? callHeaderParameters() : []),
  ];
  return {
    operationId: `${route.method.toLowerCase()} ${route.path}`.replaceAll(/[^A-Za-z0-9]+/g, "_"),
    summary: route.summary,
    ...(route.role === "none" ? {} : { security: [{ token: [] }], "x-role": route.role }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...bodyOf(route, schemas),
    responses: { ...answersOf(route, schemas), ...problemResponses(route) },
  };
}

function parametersIn(place: "path" | "query", shape: z.ZodObject | undefined, schemas: NamedSchemas): Json[] {
  if (shape === undefined) return [];
  return Object.entries(shape.shape as Readonly<Record<string, z.ZodType>>).map(([name, schema]) => {
    const { description, ...rest } = schemas.of(schema, "input");
    const required = place === "path" || !schema.safeParse(undefined).success;
    return { name, in: place, required, ...(description === undefined ? {} : { description }), schema: rest };
  });
}

function callHeaderParameters(): Json[] {
  return Object.entries(callRequestHeaders).map(([name, description]) => ({
    name,
    in: "header",
    required: false,
    description,
    schema: { type: "string" },
  }));
}

function bodyOf({ body }: Route, schemas: NamedSchemas): Json {
  if (body === undefined) return {};
  if (body.kind === "json") {
    const required = !body.schema.safeParse(undefined).success;
    return { requestBody: { required, content: { [body.type]: { schema: schemas.of(body.schema, "input") } } } };
  }
  return {
    requestBody: { required: true, content: Object.fromEntries(body.types.map((type) => [type, rawSchema(type)])) },
  };
}

function rawSchema(type: string): Json {
  if (type !== "multipart/form-data") return { schema: { type: "string" } };
  return { schema: { type: "object", additionalProperties: { type: "string", contentMediaType: "text/plain" } } };
}

function answersOf({ answers }: Route, schemas: NamedSchemas): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { description, contents, headers }]: [string, Answer]) => [
      status,
      {
        description,
        ...(headers === undefined ? {} : { headers: headersOf(headers) }),
        ...(contents.length === 0
          ? {}
          : {
              content: Object.fromEntries(contents.map((one) => [one.type, { schema: contentSchema(one, schemas) }])),
            }),
      },
    ]),
  );
}

function headersOf(headers: Readonly<Record<string, string>>): Json {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [name, { description, schema: { type: "string" } }]),
  );
}

function contentSchema(content: Content, schemas: NamedSchemas): Json {
  if (content.kind === "json") return schemas.of(content.schema, "output");
  if (content.kind === "bytes") return {};
  return {
    type: "string",
    description: "Lines or events without end, each with this JSON.",
    "x-item": schemas.of(content.item, "output"),
  };
}

/** The problems of a route by status. */
function problemResponses(route: Route): Record<string, Json> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of problemsOf(route)) {
    const { status } = errorTable[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes.map((code) => `\`${code}\``).join(", "),
        content: { "application/problem+json": { schema: { $ref: `${schemasPath}Problem` } } },
      },
    ]),
  );
}
