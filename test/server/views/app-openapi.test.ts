// An app's OpenAPI document: POST for every function, GET for those whose parameters fit a query.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { AppInterface } from "../../../runtime/interface/model.js";
import { openApi } from "../../../src/server/views/app-openapi.js";

const app: AppInterface = {
  version: 1,
  functions: [
    {
      name: "add",
      wit: "add",
      parameters: [
        { name: "a", wit: "a", type: { kind: "s32" }, doc: "First." },
        { name: "b", wit: "b", type: { kind: "s32" }, default: "1" },
      ],
      result: { kind: "s32" },
      doc: "Adds.",
    },
    { name: "none", wit: "none", parameters: [], result: null },
    {
      name: "sum",
      wit: "sum",
      parameters: [{ name: "of", wit: "of", type: { kind: "list", element: { kind: "s32" } } }],
      result: { kind: "s32" },
    },
    { name: "Item.price", wit: "item-price", parameters: [], result: { kind: "s32" }, self: "Item" },
  ],
  records: [{ name: "Item", wit: "item", fields: [{ name: "cents", wit: "cents", type: { kind: "s32" } }] }],
  enums: [],
};

type Paths = Record<string, { post: Record<string, unknown>; get?: Record<string, unknown> }>;

const record = { app: "calc", revision: "0".repeat(12), revisions: [], public: false };
const { paths } = openApi(record, app, "https://localhost:1") as { paths: Paths };

test("a function of scalars can be called with GET, described as it is", () => {
  const integer = { type: "integer", minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };
  assert.deepEqual(paths["/fn/calc/add"]?.get, {
    operationId: "add.query",
    description: "Adds.",
    parameters: [
      { name: "a", in: "query", required: true, description: "First.", schema: integer, example: 10 },
      { name: "b", in: "query", required: false, schema: { ...integer, default: 1 } },
    ],
    responses: paths["/fn/calc/add"]?.post.responses,
  });
  assert.deepEqual(paths["/fn/calc/none"]?.get?.parameters, []);
});

test("a function with a list, and a method, are POST only", () => {
  assert.deepEqual(Object.keys(paths["/fn/calc/sum"] ?? {}), ["post"]);
  assert.deepEqual(Object.keys(paths["/fn/calc/Item.price"] ?? {}), ["post"]);
});

test("an example stands beside every schema of a call, and a problem beside every status", () => {
  const { requestBody, responses } = (paths["/fn/calc/Item.price"]?.post ?? {}) as {
    requestBody: { content: { "application/json": { example: unknown } } };
    responses: Record<string, { $ref?: string; content?: { "application/json": { example: unknown } } }>;
  };
  assert.deepEqual(requestBody.content["application/json"].example, { self: { cents: 10 } });
  assert.deepEqual(responses["200"]?.content?.["application/json"].example, { self: { cents: 10 }, result: 10 });
  for (const status of ["400", "401", "403", "404", "405", "413", "415", "500", "503", "504"]) {
    assert.equal(responses[status]?.$ref, `#/components/responses/Problem${status}`);
  }
});

test("a type's name that OpenAPI cannot hold is changed, where it is defined and where it is meant", () => {
  const named = (name: string): AppInterface => ({
    ...app,
    functions: [{ name: "f", wit: "f", parameters: [], result: { kind: "list", element: { kind: "record", name } } }],
    records: [
      { name, wit: "r", fields: [] },
      { name: "_tem", wit: "t", fields: [] },
    ],
  });
  const document = openApi(record, named("$tem"), "https://localhost:1");
  const { schemas } = document.components as { schemas: Record<string, unknown> };
  assert.deepEqual(Object.keys(schemas), ["_tem_", "_tem", "herd.Problem"]);
  assert.ok(JSON.stringify(document.paths).includes('"#/components/schemas/_tem_"'), "no path uses the schema _tem_");
  assert.ok(!JSON.stringify(document).includes("$tem"), "$tem is in the document");
});

test("operation ids are unique", () => {
  const ids = Object.values(paths).flatMap((path) => Object.values(path).map(({ operationId }) => operationId));
  assert.equal(new Set(ids).size, ids.length);
});
