// The sample functions, each compiled and called as its user would.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { after, test } from "node:test";
import { Compiler } from "../../runtime/compile/compiler.js";
import { packageRoot } from "../../src/core/package-root.js";
import { patientLimits } from "../runtime/compile/compiling.js";
import { Guest, startSandbox } from "../runtime/sandbox/guests.js";

const folder = new URL("functions/", packageRoot());
const compiler = new Compiler({ limits: patientLimits });
const { sandbox } = await startSandbox();
after(async () => {
  await sandbox.stop();
  await compiler.stop();
});

async function sample(name: string): Promise<Guest> {
  const isFolder = readdirSync(folder).includes(name);
  const paths = isFolder ? readdirSync(new URL(`${name}/`, folder)).map((file) => `${name}/${file}`) : [`${name}.ts`];
  const files = paths.map((path) => ({
    path: isFolder ? path.slice(name.length + 1) : path,
    text: readFileSync(new URL(path, folder), "utf8"),
  }));
  const { component } = await compiler.compile(files);
  return new Guest(sandbox, await sandbox.prepare(component, name));
}

test("hello greets, adds, and names its node", async () => {
  const hello = await sample("hello");
  assert.equal(await hello.call("hello", {}), "Hello, world!");
  assert.equal(await hello.call("hello", { name: "Zoë 🐑" }), "Hello, Zoë 🐑!");
  assert.equal(await hello.call("add", [2, 3]), 5);
  assert.equal(await hello.call("where", []), "testing");
});

test("thesis computes, reverses, and names its node", async () => {
  const thesis = await sample("thesis");
  assert.equal(await thesis.call("where", [1_000]), "testing");
  assert.equal(await thesis.call("fibonacci", [20]), 6_765);
  assert.equal(await thesis.call("factorial", [20]), "2432902008176640000");
  assert.equal((await thesis.failure("factorial", [21])).code, "function.trapped");
  assert.equal(await thesis.call("reversed", ["herd 🐑"]), "🐑 dreh");
});

test("primes counts, lists and factors", async () => {
  const primes = await sample("primes");
  assert.equal(await primes.call("count", [1_000_000]), 78_498);
  assert.deepEqual(await primes.call("list", [30]), [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]);
  assert.deepEqual(await primes.call("list", [2]), [2]);
  assert.deepEqual(await primes.call("factors", [600_851_475_143]), [71, 839, 1471, 6857]);
  assert.equal((await primes.failure("count", [30_000_000])).code, "function.trapped");
});

test("matrix multiplies, transposes and finds determinants", async () => {
  const matrix = await sample("matrix");
  const a = { rows: 2, columns: 3, values: [1, 2, 3, 4, 5, 6] };
  const b = { rows: 3, columns: 2, values: [7, 8, 9, 10, 11, 12] };
  assert.deepEqual(await matrix.call("multiply", { a, b }), { rows: 2, columns: 2, values: [58, 64, 139, 154] });
  const { result } = (await matrix.call("Matrix.transposed", { self: a })) as { result: unknown };
  assert.deepEqual(result, { rows: 3, columns: 2, values: [1, 4, 2, 5, 3, 6] });
  assert.equal(await matrix.call("determinant", [{ rows: 2, columns: 2, values: [0, 2, 3, 4] }]), -6);
  const error = await matrix.failure("multiply", { a, b: a });
  assert.match(error.message, /2x3 cannot be multiplied by 2x3/);
  assert.match(error.where ?? "", /^index\.ts:\d+:\d+$|^matrix\.ts:\d+:\d+$/);
});

test("sha256 agrees with another implementation at every padding", async () => {
  const sha256 = await sample("sha256");
  for (const length of [0, 1, 55, 56, 63, 64, 65, 1_000]) {
    const data = Buffer.alloc(length, "wasm");
    const expected = createHash("sha256").update(data).digest();
    assert.equal(await sha256.call("digest", [data.toString("base64")]), expected.toString("base64"));
  }
  assert.equal(await sha256.call("hex", ["é"]), createHash("sha256").update("é").digest("hex"));
});

test("csv reads quoted cells and gives each column's statistics", async () => {
  const csv = await sample("csv");
  assert.deepEqual(await csv.call("parse", ['a,"b ""c"", d"\r\n1,\n']), [
    ["a", 'b "c", d'],
    ["1", ""],
  ]);
  const statistics = (await csv.call("statistics", ["n;m\n2;x\n4;1\n9;", ";"])) as Record<
    string,
    Record<string, number>
  >;
  assert.deepEqual(Object.keys(statistics), ["n", "m"]);
  assert.equal(statistics.n?.mean, 5);
  assert.ok(Math.abs((statistics.n?.deviation ?? 0) - Math.sqrt(13)) < 1e-12, `${statistics.n?.deviation ?? 0}`);
  assert.deepEqual([statistics.m?.count, statistics.m?.skipped], [1, 2]);
});

test("orders works on nested records, enums, nullable fields, maps and sets", async () => {
  const orders = await sample("orders");
  const order = {
    id: "a",
    customer: "ada",
    status: "Open",
    lines: [{ sku: "x", quantity: 2, price: 150 }],
    discount: { code: "TEN", percent: 10 },
  };
  const other = { ...order, id: "b", status: "Cancelled", discount: null };
  assert.deepEqual(await orders.call("summarize", [[order, other]]), {
    orders: 2,
    revenue: 270,
    byStatus: { open: 1, cancelled: 1 },
    customers: ["ada"],
    largest: other,
  });
  assert.deepEqual(await orders.call("withStatus", { orders: [order, other], status: "Cancelled" }), [other]);
  assert.deepEqual(await orders.call("Order.pay", { self: order }), {
    self: { ...order, status: "Paid" },
    result: null,
  });
  assert.match((await orders.failure("Order.pay", { self: other })).message, /order b is not open/);
});

test("search, an app of two files, ranks documents", async () => {
  const search = await sample("search");
  const documents = [
    { id: "1", text: "The quick brown fox." },
    { id: "2", text: "A fox, a fox, and a hen." },
    { id: "3", text: "Nothing here." },
  ];
  const hits = (await search.call("search", { documents, query: "fox" })) as { id: string; score: number }[];
  assert.deepEqual(
    hits.map(({ id }) => id),
    ["2", "1"],
  );
  assert.deepEqual(await search.call("frequencies", ["to be or not to be"]), { to: 2, be: 2, or: 1, not: 1 });
});

test("mandelbrot draws a BMP file", async () => {
  const mandelbrot = await sample("mandelbrot");
  const file = Buffer.from((await mandelbrot.call("image", { width: 66, height: 40 })) as string, "base64");
  assert.equal(file.toString("latin1", 0, 2), "BM");
  assert.equal(file.readUInt32LE(2), file.length);
  assert.deepEqual([file.readUInt32LE(18), file.readUInt32LE(22)], [66, 40]);
  assert.equal(await mandelbrot.call("escape", [0, 0]), 255);
  assert.equal(await mandelbrot.call("escape", { cr: 2, ci: 2 }), 1);
});
