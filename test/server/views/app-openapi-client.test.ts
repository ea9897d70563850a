// An app's OpenAPI document as others use it: valid, and enough for a generated client that calls the running node.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Validator } from "@seriousme/openapi-schema-validator";
import { generateApi } from "swagger-typescript-api";
import { appOpenApi } from "../../../src/api/apps.js";
import { ProblemError } from "../../../src/client/errors.js";
import { packageRoot } from "../../../src/core/package-root.js";
import { deployText, type RealNode, startNode } from "../../harness/tls/real-node.js";

const source = `export enum Size { Small, Large }
export class $tem { name: string = ""; price: i64 = 0; size: Size = Size.Small; }
/** Price of all items. */
export function total(items: Array<$tem>, discount: f64 = 0): i64 {
  let sum: i64 = 0;
  for (let i = 0; i < items.length; i++) sum += items[i].price;
  return sum - <i64>(<f64>sum * discount);
}
export function add(a: i32, b: i32): i32 { return a + b; }
export function fail(why: string): void { throw new Error(why); }
export function size(raw: Uint8Array, note: string | null): i32 { return raw.length; }
export function count(words: Map<string, i32>): i32 { return words.size; }
export class Counter { at: i32 = 0; up(by: i32): i32 { this.at += by; return this.at; } }
`;

/**
 * Hand-written code against the generated client: it has to compile, and its assertions have to hold. The generator
 * reads a body only where it expects one, hence the format for a function without a result.
 */
const use = `import { Api, type Tem } from "./client.js";
export async function use(baseUrl: string, customFetch: typeof fetch, token: string): Promise<unknown[]> {
  const { fn } = new Api({ baseUrl, customFetch, baseApiParams: { headers: { authorization: "Bearer " + token } } });
  const items: Tem[] = [
    { name: "tea", price: 350, size: "Small" as Tem["size"] },
    { name: "cup", price: "900", size: "Large" as Tem["size"] },
  ];
  const total = await fn.total({ items });
  const sum: number = (await fn.add({ a: 2, b: 3 })).data;
  type Failed = { status: number; error: { code: string } };
  const problem = await fn.fail({ why: "as asked" }, { format: "json" }).catch((answer: Failed) => answer);
  return [total.data, sum, (problem as { status: number }).status, (problem as { error: { code: string } }).error.code];
}
`;
const misuse = `import { Api } from "./client.js";
export const wrong = new Api().fn.add({ a: "two", b: 3 });
`;

type Document = { paths: Record<string, Record<string, Operation>>; components: { responses: Record<string, Answer> } };
type Media = Record<string, { example?: unknown; examples?: Record<string, unknown> }>;
type Answer = { $ref?: string; content?: Media };
type Operation = { requestBody?: { content: Media }; responses: Record<string, Answer> };

let node: RealNode;
let document: Document;
let folder: string;

before(async () => {
  node = await startNode();
  folder = await mkdtemp(join(tmpdir(), "herd-openapi-"));
  await deployText(node.client, "shop", source);
  document = JSON.parse((await node.client.call(appOpenApi, { parameters: { app: "shop" } })).text);
});

after(async () => {
  await node.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

test("the document is valid OpenAPI 3.1", async () => {
  const result = await new Validator().validate(structuredClone(document) as unknown as Record<string, unknown>);
  assert.deepEqual([result.valid, result.errors], [true, undefined]);
});

test("its examples are calls that the node answers, and every problem stands in it with its code", async () => {
  for (const [path, { post }] of Object.entries(document.paths)) {
    const body = JSON.stringify(post?.requestBody?.content["application/json"]?.example);
    const headers = { "content-type": "application/json" };
    const answer = await node.client.send(path, { method: "POST", body, headers }).catch((error: Error) => error);
    const code = answer instanceof ProblemError ? answer.document.code : String(answer);
    if (path.endsWith("/fail")) assert.equal(code, "function.trapped");
    else assert.ok(!(answer instanceof Error), `${path} ${body}: ${code}`);
  }
  const codes = Object.values(document.components.responses).flatMap(({ content }) =>
    Object.keys(content?.["application/problem+json"]?.examples ?? {}),
  );
  for (const code of ["arguments.invalid", "auth.missing", "function.trapped", "function.deadline", "node.overloaded"])
    assert.ok(codes.includes(code), code);
  const statuses = Object.keys(document.paths["/fn/shop/add"]?.post?.responses ?? {});
  assert.deepEqual(statuses, [
    "200",
    "400",
    "401",
    "403",
    "404",
    "405",
    "408",
    "413",
    "415",
    "417",
    "431",
    "500",
    "503",
    "504",
  ]);
});

test("a generated client compiles against it, refuses wrong types, and calls the node", async () => {
  const { files } = await generateApi({ spec: structuredClone(document) as never, output: false, silent: true });
  const [client] = files;
  assert.ok(client, "no client");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), '{"type": "module"}');
  await writeFile(join(folder, "client.ts"), client.fileContent);
  await writeFile(join(folder, "use.ts"), use);
  await writeFile(join(folder, "misuse.ts"), misuse);
  const compile = (...names: string[]) =>
    spawnSync(
      process.execPath,
      [
        join(fileURLToPath(packageRoot()), "node_modules/typescript/bin/tsc"),
        ...["--strict", "--skipLibCheck", "--target", "es2022", "--lib", "es2023,dom,dom.iterable"],
        ...["--module", "nodenext", "--types", "", ...names],
      ],
      { cwd: folder, encoding: "utf8" },
    );
  assert.match(compile("misuse.ts").stdout, /misuse\.ts\(2,41\): error TS2322/);
  const compiled = compile("use.ts");
  assert.equal(compiled.status, 0, compiled.stdout);

  const { url, token } = node.ready;
  const customFetch = async (address: string, init: RequestInit): Promise<Response> => {
    try {
      const headers = Object.fromEntries(new Headers(init.headers));
      const reply = await node.client.send(new URL(address).pathname, {
        method: "POST",
        body: String(init.body),
        headers,
      });
      return new Response(reply.text, { status: reply.status, headers: { "content-type": "application/json" } });
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      return Response.json(error.document, { status: error.document.status });
    }
  };
  const module = (await import(pathToFileURL(join(folder, "use.js")).href)) as {
    use(baseUrl: string, customFetch: unknown, token: string | undefined): Promise<unknown[]>;
  };
  assert.deepEqual(await module.use(url, customFetch, token), [1250, 5, 500, "function.trapped"]);
});
