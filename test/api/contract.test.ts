// The contract as a whole: every route is served and described, and the description is valid OpenAPI.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { interfaceDocument } from "../../src/api/openapi.js";
import { pathOf } from "../../src/api/route.js";
import { problemsOf } from "../../src/api/route-problems.js";
import { routes } from "../../src/api/routes.js";
import { errorTable } from "../../src/core/error-codes.js";
import { TestNode } from "../harness/tls/test-node.js";

type Operation = { responses: Record<string, { content?: Record<string, unknown> }> };

let node: TestNode;

before(async () => {
  node = await TestNode.start();
});

after(() => node.stop());

const document = interfaceDocument() as {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, Record<string, unknown>> };
};

test("every route is served, and its path supports no other method", async () => {
  for (const path of new Set(routes.map((route) => route.path))) {
    const parameters = Object.fromEntries([...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => [name, "x"]));
    const answer = await node.ask(pathOf(path, parameters), { method: "OPTIONS", token: null });
    const methods = routes.flatMap((route) => (route.path === path ? [route.method] : []));
    const head = methods.includes("GET") && !path.startsWith("/fn/") ? ["HEAD"] : [];
    assert.deepEqual(answer.headers.allow?.split(", ").sort(), [...methods, ...head, "OPTIONS"].sort(), path);
  }
});

test("a method and a path are declared once", () => {
  const names = routes.map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(names, [...new Set(names)]);
});

test("the description is valid OpenAPI 3.1, and served", async () => {
  const result = await new Validator().validate(structuredClone(document));
  assert.deepEqual(result.errors ?? [], []);
  const served = await node.ask("/v1/openapi.json", { token: null });
  assert.deepEqual(served.json(), JSON.parse(JSON.stringify(document)));
});

test("the description has every route with every status that it may answer", () => {
  for (const route of routes) {
    const operation = document.paths[route.path]?.[route.method.toLowerCase()];
    const problems = problemsOf(route).map((code) => String(errorTable[code].status));
    assert.deepEqual(
      Object.keys(operation?.responses ?? {}).sort(),
      [...new Set([...Object.keys(route.answers), ...problems])].sort(),
      `${route.method} ${route.path}`,
    );
  }
});

test("every field of every body has a description", () => {
  const bare: string[] = [];
  const visit = (schema: unknown, path: string): void => {
    if (typeof schema !== "object" || schema === null) return;
    for (const [key, value] of Object.entries(schema)) {
      if (key !== "properties") {
        visit(value, path);
        continue;
      }
      for (const [name, field] of Object.entries(value as Record<string, object>)) {
        if (!("description" in field)) bare.push(`${path}.${name}`);
        visit(field, `${path}.${name}`);
      }
    }
  };
  for (const [name, schema] of Object.entries(document.components.schemas)) visit(schema, name);
  for (const [path, methods] of Object.entries(document.paths)) visit(methods, path);
  assert.deepEqual([...new Set(bare)], []);
});

test("references of the description lead somewhere", () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)];
  assert.ok(references.length > 10, `${references.length} references`);
  assert.deepEqual(
    references.map(([, name = ""]) => name).filter((name) => document.components.schemas[name] === undefined),
    [],
  );
});
