// Checks answers that tests get against the contract: status, each field of the body, problem code.

import assert from "node:assert/strict";
import { problem } from "../src/api/problem-document.js";
import type { AnswerJson, Route } from "../src/api/route.js";
import { problemsOf } from "../src/api/route-problems.js";
import { routes } from "../src/api/routes.js";
import type { SeenAnswer } from "../src/client/client.js";
import { answerJson, declaredContent } from "../src/client/route-request.js";
import { matches } from "../src/server/http/route-table.js";

/** The route of a method and a path; HEAD has that of GET. */
function routeOf(method: string, path: string): Route | undefined {
  const [bare = ""] = path.split("?");
  const segments = bare.split("/");
  const declared = method === "HEAD" ? "GET" : method;
  return routes.find((route) => route.method === declared && matches(route.path.split("/"), segments));
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
  assert.ok(route.answers[status] !== undefined, `${where}: the status is not declared`);
  if (method === "HEAD" || status === 204) return;
  const content = declaredContent(route, { status, type });
  assert.ok(content !== undefined, `${where}: ${type} is not declared`);
  if (content.kind !== "json") return;
  const json: unknown = JSON.parse(text);
  const parsed = content.schema.safeParse(json);
  assert.ok(parsed.success, `${where}: ${parsed.error?.message}`);
  // A schema that is parsed leaves out the fields that it does not declare.
  assert.deepEqual(json, parsed.data, `${where}: undeclared fields`);
}

/** Parses the JSON text of a route's answer: text that a command printed, or that a test received without a client. */
export function parsedAnswer<R extends Route>(route: R, text: string): AnswerJson<R> {
  const [status] = Object.keys(route.answers).map(Number);
  assert.ok(status !== undefined, `${route.path} declares an answer`);
  const answer = { status, headers: { "content-type": "application/json" }, text };
  return answerJson(route, answer, route.path) as AnswerJson<R>;
}
