// Requests of routes as they are sent, and answers as they are parsed, also those of a newer node.

import assert from "node:assert/strict";
import { test } from "node:test";
import { appSource, deployApp, rollbackApp } from "../../src/api/apps.js";
import { metrics } from "../../src/api/health.js";
import { join } from "../../src/api/joins.js";
import { readLogs } from "../../src/api/logs.js";
import { listNodes, nodeList, revokeNode } from "../../src/api/nodes.js";
import { narrowed, type Route } from "../../src/api/route.js";
import { createToken, revokeToken } from "../../src/api/tokens.js";
import { problemError, UnreadableAnswerError } from "../../src/client/errors.js";
import { answerJson, wireRequest } from "../../src/client/route-request.js";

const json = "application/json";

function answered(route: Route, text: string, { status = 200, type = json } = {}): unknown {
  return answerJson(route, { status, headers: { "content-type": type }, text }, "GET https://localhost/v1");
}

test("a path is escaped, a query is sent as far as it is given, and a body is JSON", () => {
  assert.deepEqual(wireRequest(appSource, { parameters: { app: "a/b" }, query: { revision: undefined } }), {
    method: "GET",
    path: "/v1/apps/a%2Fb/source",
    headers: {},
  });
  assert.equal(wireRequest(readLogs, { query: { app: "a&b", limit: "5" } }).path, "/v1/logs?app=a%26b&limit=5");
  const sent = wireRequest(rollbackApp, { parameters: { app: "a" }, body: { revision: "0" } });
  assert.deepEqual([sent.body, sent.headers], ['{"revision":"0"}', { "content-type": json }]);
  const raw = { type: "text/plain", bytes: "source" };
  const { body, headers } = wireRequest(deployApp, { parameters: { app: "a" }, raw, headers: { "x-more": "1" } });
  assert.deepEqual([body, headers], ["source", { "content-type": "text/plain", "x-more": "1" }]);
  assert.throws(() => wireRequest(revokeToken), TypeError);
});

test("fields that this version does not know are left out, and a query chooses the shape", () => {
  const text = '{"revoked":["a"],"durable":false,"of a newer node":1}';
  assert.deepEqual(answered(revokeNode, text), { revoked: ["a"], durable: false });
  assert.deepEqual(answered(narrowed(listNodes, nodeList), "[]"), []);
  assert.throws(() => answered(narrowed(listNodes, nodeList), "null"), UnreadableAnswerError);
});

test("a status or a content without JSON gives none", () => {
  assert.equal(answered(revokeToken, "", { status: 204 }), undefined);
  assert.equal(answered(metrics, "herd_up 1\n", { type: "text/plain; version=0.0.4" }), undefined);
});

test("an answer that the contract does not declare is an error that names what to update", () => {
  const refused = (run: () => unknown, reason: RegExp): void =>
    assert.throws(run, (error) => {
      assert.ok(error instanceof UnreadableAnswerError, String(error));
      assert.match(
        error.message,
        /^GET https:\/\/localhost\/v1: this version of herd does not understand the answer \(/,
      );
      assert.match(error.message, /\): update herd, or the node$/);
      assert.match(error.message, reason);
      return true;
    });
  refused(() => answered(createToken, "{}", { status: 201 }), /at \//);
  refused(() => answered(createToken, "{}", { status: 200 }), /status 200/);
  refused(() => answered(revokeNode, "{", {}), /at \//);
  refused(() => answered(revokeNode, '{"revoked":[1]}'), /at \/revoked\/0: /);
  refused(() => answered(join, "<html>", { type: "text/html" }), /media type text\/html/);
});

test("a problem keeps its text; an error answer of another origin gets a document", () => {
  const text = '{"status":404,"code":"app.unknown","title":"No such app","of a newer node":1}';
  const known = problemError(404, text);
  assert.deepEqual([known.document.code, known.text, known.message], ["app.unknown", text, "No such app"]);
  for (const other of ["<html>", "{}", "null"]) {
    const { document } = problemError(502, other);
    assert.deepEqual([document.status, document.code], [502, "answer.unreadable"]);
  }
});
