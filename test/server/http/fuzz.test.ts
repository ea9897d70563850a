// Whatever is sent to a function or as an upload, the node answers with a documented error and goes on.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { errorTable } from "../../../src/core/error-codes.js";
import { readUpload } from "../../../src/server/endpoints/upload-body.js";
import { TestNode } from "../../harness/tls/test-node.js";

let node: TestNode;

before(async () => {
  node = await TestNode.start({ limits: { argumentBytes: 5_000, sourceBytes: 5_000, sourceFiles: 3 } });
  await node.deploy("calc");
});

after(() => node.stop());

const bytes = fc.uint8Array({ maxLength: 6_000 }).map((array) => Buffer.from(array));
const headerText = fc.string({ maxLength: 40 }).map((text) => text.replace(/[^\x20-\x7e]/g, "?").trim());

function isDocumented(body: Buffer): boolean {
  return (JSON.parse(body.toString()) as { code: string }).code in errorTable;
}

test("invocations with any body, headers and name are answered", async () => {
  // A client resolves a segment of dots by itself (RFC 3986, section 5.2.4): another path would be asked for.
  const name = fc
    .string({ maxLength: 20 })
    .filter((text) => !/^\.{1,2}$/.test(text))
    .map(encodeURIComponent);
  const headers = fc.dictionary(
    fc.constantFrom("content-type", "herd-deadline-ms", "herd-node", "content-encoding"),
    headerText,
  );
  await fc.assert(
    fc.asyncProperty(bytes, headers, fc.oneof(fc.constant("echo"), name), async (body, given, called) => {
      const answer = await node.ask(`/fn/calc/${called}`, { method: "POST", body, headers: given });
      if (answer.status >= 400) assert.ok(isDocumented(answer.body), answer.body.toString());
      else assert.equal(answer.status, called === "nothing" ? 204 : 200);
      assert.notEqual((answer.json() as { code?: string }).code, "internal");
    }),
    { numRuns: 300 },
  );
});

test("uploads with any body and type are answered", async () => {
  const type = fc.oneof(
    fc.constantFrom("text/plain", "application/typescript", "multipart/form-data; boundary=x", "multipart/form-data"),
    headerText,
  );
  const part = fc.tuple(fc.string({ maxLength: 30 }), fc.string({ maxLength: 100 }));
  const form = fc.array(part, { maxLength: 5 }).map((parts) => {
    const texts = parts.map(
      ([path, text]) => `--x\r\nContent-Disposition: form-data; name="file"; filename="${path}"\r\n\r\n${text}\r\n`,
    );
    return Buffer.from(`${texts.join("")}--x--\r\n`);
  });
  await fc.assert(
    fc.asyncProperty(fc.oneof(bytes, form), type, async (body, contentType) => {
      const answer = await node.ask("/v1/apps/fuzzed", {
        method: "PUT",
        body,
        headers: { "content-type": contentType },
      });
      if (answer.status >= 400) assert.ok(isDocumented(answer.body), answer.body.toString());
      if (answer.status >= 400) assert.notEqual(answer.problem().code, "internal");
    }),
    { numRuns: 300 },
  );
});

const limits = { sourceBytes: 1_000, sourceFiles: 2 };

async function upload(parts: readonly (readonly [string, string | Buffer])[]): Promise<readonly { path: string }[]> {
  const form = new FormData();
  for (const [path, text] of parts) form.append("file", new Blob([text]), path);
  const encoded = new Response(form);
  const read = readUpload(encoded.headers.get("content-type") ?? "", limits);
  return read(Buffer.from(await encoded.arrayBuffer()));
}

test("an upload's paths stay inside it, and are those that the compiler takes", async () => {
  const files = await upload([
    ["index.ts", "a"],
    ["lib/o.ts", "b"],
  ]);
  assert.deepEqual(
    files.map(({ path }) => path),
    ["index.ts", "lib/o.ts"],
  );
  for (const path of [
    "/etc/x.ts",
    "../x.ts",
    "a/../x.ts",
    "a\\x.ts",
    "C:x.ts",
    "a//x.ts",
    "./x.ts",
    "x\0.ts",
    "lib/ö.ts",
    "x.d.ts",
    "x.js",
    "x",
  ]) {
    await assert.rejects(upload([[path, "a"]]), { code: "request.malformed" }, path);
  }
});

test("a form with thousands of parts is refused", async () => {
  const part = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.ts"\r\n\r\n\r\n';
  const read = readUpload('multipart/form-data; boundary="x"', limits);
  await assert.rejects(async () => read(Buffer.from(`${part.repeat(18_000)}--x--\r\n`)), { code: "request.too-large" });
});

test("an upload is bounded in size and count, has each path once, and is UTF-8", async () => {
  await assert.rejects(upload([["a.ts", "x".repeat(1_001)]]), { code: "request.too-large" });
  await assert.rejects(
    upload([
      ["a.ts", ""],
      ["b.ts", ""],
      ["c.ts", ""],
    ]),
    { code: "request.too-large" },
  );
  await assert.rejects(
    upload([
      ["a.ts", ""],
      ["a.ts", ""],
    ]),
    { code: "request.malformed" },
  );
  await assert.rejects(upload([["a.ts", Buffer.from([0xff])]]), { code: "request.malformed" });
  await assert.rejects(upload([]), { code: "request.malformed" });
  assert.throws(() => readUpload("application/json", limits), { code: "media.unsupported" });
  assert.throws(() => readUpload(undefined, limits), { code: "media.unsupported" });
});
