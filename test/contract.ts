// Holds every answer that tests get against the contract: its status, its body to the last field, its problem codes.

import assert from "node:assert/strict";
import { problem } from "../src/api/problem.js";
import { problemsOf, type Route } from "../src/api/route.js";
import { routes } from "../src/api/routes.js";

/** An answer as a test got it. */
export interface SeenAnswer {
  readonly method: string;
  /** Path, with or without a query. */
  readonly path: string;
  readonly status: number;
  readonly type: string | undefined;
  readonly text: string;
}

/** The route of a method and a path; HEAD has that of GET. */
export function routeOf(method: string, path: string): Route | undefined {
  const [bare = ""] = path.split("?");
  const segments = bare.split("/");
  return routes.find((route) => {
    const pattern = route.path.split("/");
    if (route.method !== (method === "HEAD" ? "GET" : method) || pattern.length !== segments.length) return false;
    return pattern.every((part, index) => (part.startsWith("{") ? segments[index] !== "" : part === segments[index]));
  });
}

/** Fails for an answer that the contract does not declare. */
export function checkAnswer({ method, path, status, type = "", text }: SeenAnswer): void {
  const route = routeOf(method, path);
  const where = `${method} ${path.slice(0, 200)} answered ${status} ${text.slice(0, 500)}`;
  if (status >= 400) {
    if (method === "HEAD") return;
    assert.equal(type, "application/problem+json", where);
    const document = problem.strict().parse(JSON.parse(text));
    assert.equal(document.status, status, where);
    if (route !== undefined) assert.ok((problemsOf(route) as string[]).includes(document.code), `${where}: undeclared`);
    return;
  }
  if (route === undefined) {
    assert.equal(method, "OPTIONS", `${where}: no route of the contract`);
    return;
  }
  const answer = route.answers[status];
  assert.ok(answer !== undefined, `${where}: the status is not declared`);
  if (method === "HEAD" || status === 204) return;
  const content = answer.contents.find((one) => bareType(one.type) === bareType(type) || one.type === "*/*");
  assert.ok(content !== undefined, `${where}: ${type} is not declared`);
  if (content.kind !== "json") return;
  const json: unknown = JSON.parse(text);
  const parsed = content.schema.safeParse(json);
  assert.ok(parsed.success, `${where}: ${parsed.error?.message}`);
  // A schema that is parsed leaves out the fields that it does not declare.
  assert.deepEqual(json, parsed.data, `${where}: undeclared fields`);
}

function bareType(type: string): string | undefined {
  return type.split(";")[0];
}
