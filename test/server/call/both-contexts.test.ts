// On uWebSockets, a call with a small body of known length goes past hyper-express, and any other one through it. A
// client gets the same to the byte, whichever way its call went.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { TestNode } from "../../harness/tls/test-node.js";
import { exchange, type Place } from "../../security/raw-client.js";

interface Sent {
  readonly method?: "POST" | "GET";
  readonly path?: string;
  /** Field lines. */
  readonly fields?: string;
  readonly body?: string;
  readonly status: number;
}

let node: TestNode;
let place: Place;
let bearer: string;

before(async () => {
  node = await TestNode.start();
  await node.deploy("calc");
  await node.deploy("open", undefined, "?public=true");
  place = { port: Number(new URL(node.api.url).port), ca: node.root };
  bearer = `authorization: Bearer ${node.admin}\r\n`;
});

after(() => node.stop());

const calls = (): Record<string, Sent> => ({
  "a result": { fields: bearer, body: "[1]", status: 200 },
  "a result of a public app": { path: "/fn/open/echo", body: "[1]", status: 200 },
  "no result": { path: "/fn/calc/nothing", fields: bearer, body: "[]", status: 204 },
  "no body": { fields: bearer, body: "", status: 200 },
  "a body that is not ASCII": { fields: bearer, body: '["\u00c3\u00a9"]', status: 200 },
  "a query": { method: "GET", path: "/fn/calc/echo?n=1&m=%C3%A9", fields: bearer, status: 200 },
  "a media type": { fields: `${bearer}content-type: text/plain\r\n`, body: "[1]", status: 200 },
  "a connection that is to end": { fields: `${bearer}connection: close\r\n`, body: "[1]", status: 200 },
  "a connection that is to stay": { fields: `${bearer}connection: keep-alive\r\n`, body: "[1]", status: 200 },
  "a trap": { path: "/fn/calc/trap", fields: bearer, body: "[]", status: 500 },
  "a defect": { path: "/fn/calc/broken", fields: bearer, body: "[]", status: 500 },
  "a node without room": { path: "/fn/calc/overloaded", fields: bearer, body: "[]", status: 503 },
  "a deadline": { path: "/fn/calc/late", fields: bearer, body: "[]", status: 504 },
  "a header that is no deadline": { fields: `${bearer}herd-deadline-ms: soon\r\n`, body: "[1]", status: 400 },
  "a deadline that is set": { fields: `${bearer}herd-deadline-ms: 1000\r\n`, body: "[1]", status: 200 },
  "a node that is named": { fields: `${bearer}herd-node: test\r\n`, body: "[1]", status: 200 },
  "a node that nobody knows": { fields: `${bearer}herd-node: nobody\r\n`, body: "[1]", status: 404 },
  "compressed arguments": { fields: `${bearer}content-encoding: gzip\r\n`, body: "[1]", status: 415 },
  "a form": { fields: `${bearer}content-type: multipart/form-data; boundary=b\r\n`, body: "[1]", status: 415 },
  "no token": { body: "[1]", status: 401 },
  "a token that is none": { fields: "authorization: Bearer x\r\n", body: "[1]", status: 401 },
  "another scheme": { fields: "authorization: Basic eDp5\r\n", body: "[1]", status: 401 },
  "no app": { path: "/fn/none/echo", fields: bearer, body: "[1]", status: 404 },
  "no name of an app": { path: "/fn/No%20App/echo", fields: bearer, body: "[1]", status: 400 },
  "no function": { path: "/fn/calc/none", fields: bearer, body: "[1]", status: 404 },
  "a path that is wrongly encoded": { path: "/fn/calc/%ff", fields: bearer, body: "[1]", status: 400 },
});

/** The request twice: with a length, and in chunks, which only hyper-express takes. */
function both({ method = "POST", path = "/fn/calc/echo", fields = "", body = "" }: Sent): [string, string] {
  const head = `${method} ${path} HTTP/1.1\r\nhost: localhost\r\n${fields}`;
  const chunk = body === "" ? "" : `${body.length.toString(16)}\r\n${body}\r\n`;
  return [
    `${head}${method === "GET" ? "" : `content-length: ${body.length}\r\n`}\r\n${body}`,
    `${head}transfer-encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`,
  ];
}

/** The answer without what differs from call to call: its id, its times, the date. */
function comparable(text: string): string {
  return text
    .replace(/^(herd-invocation: )[0-9a-z-]+\r$/m, "$1ID\r")
    .replace(/dur=[0-9.]+/g, "dur=MS")
    .replace(/^(date: ).*\r$/im, "$1NOW\r");
}

test("answers are equal to the byte, and so is what becomes of the connection", async (t) => {
  for (const [what, sent] of Object.entries(calls())) {
    await t.test(what, async () => {
      const [small, chunked] = both(sent);
      const answers = [];
      for (const text of [small, chunked]) answers.push(await exchange(place, text));
      const [first, second] = answers.map(({ text }) => comparable(text));
      assert.deepEqual(answers[0]?.statuses, [sent.status]);
      assert.equal(first, second);
      assert.equal(answers[0]?.closed, answers[1]?.closed);
    });
  }
});
