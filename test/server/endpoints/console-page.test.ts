// The page and its files: served under a strict policy, in the smallest form that the client accepts, cached by name.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { TestNode } from "../../harness/tls/test-node.js";

const file = { type: "text/css", bytes: Buffer.from("plain"), brotli: Buffer.from("br"), gzip: Buffer.from("gz") };

let node: TestNode;

before(async () => {
  node = await TestNode.start({ page: { html: { ...file, type: "text/html" }, files: new Map([["a-1.css", file]]) } });
});

after(() => node.stop());

const ask = (path: string, encoding?: string) =>
  node.ask(path, { token: null, headers: encoding === undefined ? {} : { "accept-encoding": encoding } });

test("the page is asked for each time, and may load nothing but its own files", async () => {
  const { status, headers } = await ask("/");
  assert.deepEqual([status, headers["cache-control"], headers["referrer-policy"]], [200, "no-cache", "no-referrer"]);
  const policy = String(headers["content-security-policy"]);
  assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'/);
  assert.ok(!/unsafe|\*|data:|blob:|http/.test(policy), policy);
});

test("a file is served for good in the smallest form that is taken", async () => {
  const forms = [
    ["gzip, deflate, br", "br", "br"],
    ["gzip;q=1.0, br;q=0", "gzip", "gz"],
    ["GZIP", "gzip", "gz"],
    ["identity", undefined, "plain"],
    [undefined, undefined, "plain"],
  ] as const;
  for (const [accepted, encoding, body] of forms) {
    const answer = await ask("/console/a-1.css", accepted);
    assert.deepEqual([answer.headers["content-encoding"], answer.body.toString()], [encoding, body], accepted);
    assert.equal(answer.headers["cache-control"], "public, max-age=31536000, immutable");
    assert.equal(answer.headers.vary, "accept-encoding");
    assert.equal(answer.headers["x-content-type-options"], "nosniff");
  }
});

test("a file of another build is unknown", async () => {
  const answer = await ask("/console/a-2.css");
  assert.deepEqual([answer.status, answer.problem().code], [404, "path.unknown"]);
  assert.equal((await ask("/console/..%2f..%2fpackage.json")).status, 404);
});
