// Layouts, lowerers, lifters, schemas and examples of classes that hold each other twice over are linear in the
// interface.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Examples } from "../../runtime/interface/example.js";
import { CanonicalAbi } from "../../runtime/interface/layout.js";
import type { AppInterface, FunctionType, RecordType, ValueType } from "../../runtime/interface/model.js";
import { describeFunctions, describeTypes, optionalParameters } from "../../runtime/interface/schema.js";
import { ArgumentReader } from "../../runtime/sandbox/binding/arguments.js";
import { FunctionBinding } from "../../runtime/sandbox/binding/function-binding.js";
import { TypeTable } from "../../runtime/sandbox/binding/types.js";
import { LoadedRevisions } from "../../runtime/sandbox/pool/loaded-revisions.js";
import type { PreparedRevision } from "../../runtime/sandbox/prepared-revision.js";
import { openApi } from "../../src/server/views/app-openapi.js";

const s32: ValueType = { kind: "s32" };
const many = <T>(count: number, one: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => one(index));

/**
 * Classes b0 to b{levels}, each with fields of the one before; the top one is the parameter and result of `functions`
 * functions.
 */
function tree(
  levels: number,
  { fields, functions = 1 }: { fields: (inner: ValueType) => ValueType[]; functions?: number },
): AppInterface {
  const records = many(levels + 1, (level): RecordType => {
    const types = level === 0 ? [s32] : fields({ kind: "record", name: `b${level - 1}` });
    const members = types.map((type, index) => ({ name: `f${index}`, wit: `f${index}`, type }));
    return { name: `b${level}`, wit: `b${level}`, fields: members };
  });
  const top: ValueType = { kind: "record", name: `b${levels}` };
  const parameters = [{ name: "v", wit: "v", type: top }];
  const made = many(
    functions,
    (index): FunctionType => ({ name: `f${index}`, wit: `f${index}`, parameters, result: top }),
  );
  return { version: 1, functions: made, records, enums: [] };
}

const list = (element: ValueType): ValueType => ({ kind: "list", element });
const option = (value: ValueType): ValueType => ({ kind: "option", value });
const lists = (inner: ValueType): ValueType[] => [list(inner), list(inner)];
const options = (inner: ValueType): ValueType[] => [option(inner)];

/** What `work` returns, within a second of this machine and 50 MB of its memory. */
function cheaply<T>(work: () => T): T {
  const memory = process.memoryUsage().heapUsed;
  const cpu = process.cpuUsage();
  const done = work();
  const { user, system } = process.cpuUsage(cpu);
  assert.ok((user + system) / 1e6 < 1, `${(user + system) / 1e6} s of CPU`);
  const taken = process.memoryUsage().heapUsed - memory;
  assert.ok(taken < 50e6, `${Math.round(taken / 1e6)} MB`);
  return done;
}

test("a chain of 60 nullable classes is laid out at once", () => {
  const app = tree(60, { fields: options });
  const abi = new CanonicalAbi(app);
  const layout = cheaply(() => abi.layout({ kind: "record", name: "b60" }));
  assert.deepEqual([layout.align, layout.size], [4, 4 * 61]);
  assert.equal(abi.flatCount({ kind: "record", name: "b60" }), 61);
});

test("values of 28 levels of two values each are counted at once", () => {
  const app = tree(28, { fields: (inner) => [inner, inner] });
  const abi = new CanonicalAbi(app);
  assert.equal(
    cheaply(() => abi.flatCount({ kind: "record", name: "b28" })),
    2 ** 28,
  );
  const [fn] = app.functions;
  assert.ok(fn, "no fn");
  assert.equal(
    cheaply(() => new Examples(app).arguments(fn)),
    undefined,
  );
});

test("layout and flattening of shared classes are what they are without sharing", () => {
  const app = tree(5, { fields: (inner) => [inner, option(inner), list(inner)] });
  const naive = (type: ValueType): number => {
    if (type.kind === "record") {
      const { fields } = app.records.find(({ name }) => name === type.name) ?? { fields: [] };
      return fields.reduce((sum, field) => sum + naive(field.type), 0);
    }
    return type.kind === "option" ? 1 + naive(type.value) : type.kind === "list" ? 2 : 1;
  };
  for (const { name } of app.records) {
    const abi = new CanonicalAbi(app);
    const type: ValueType = { kind: "record", name };
    assert.equal(abi.flatCount(type), naive(type));
    assert.equal(abi.flatten(type).length, naive(type));
  }
});

for (const [what, fields, levels] of [
  ["lists", lists, 40],
  ["options", options, 60],
  ["maps", (inner: ValueType): ValueType[] => [{ kind: "map", value: inner }, list(inner)], 40],
  ["values", (inner: ValueType): ValueType[] => [inner, inner], 12],
] as const) {
  test(`bindings of a thousand functions over ${levels} levels of two ${what} each`, () => {
    const app = tree(levels, { fields: (inner) => [...fields(inner)], functions: 1_000 });
    const types = new TypeTable(app);
    const bindings = cheaply(() =>
      app.functions.map((type) => new FunctionBinding(type, { types, resultBytes: 1_000 })),
    );
    assert.equal(bindings.length, 1_000);
  });

  test(`schemas, examples and OpenAPI document over ${levels} levels of two ${what} each`, () => {
    const app = tree(levels, { fields: (inner) => [...fields(inner)], functions: 1_000 });
    const record = { app: "a", revision: "r", revisions: [], public: true };
    const text = cheaply(() => JSON.stringify(openApi(record, app, "https://localhost")));
    assert.ok(text.length < 8e6, `${text.length} bytes`);
    assert.equal(cheaply(() => describeFunctions(app)).length, 1_000);
    assert.equal(Object.keys(cheaply(() => describeTypes(app))).length, levels + 1);
  });
}

test("what bindings take counts towards what a thread has loaded", () => {
  const loaded = new LoadedRevisions(1);
  const of = (revision: string, interfaceBytes: number): PreparedRevision => {
    const app: AppInterface = { version: 1, functions: [], records: [], enums: [] };
    const reset = { resettable: true, countsPages: false, readers: new Set<string>() };
    return { revision, module: {}, interface: app, imports: [], ...reset, memoryBytes: 65_536, interfaceBytes };
  };
  for (let index = 0; index < 60; index++) loaded.plan([{ prepared: of(`small${index}`, 10_000) }]);
  assert.equal(loaded.size, 60);
  for (let index = 0; index < 60; index++) loaded.plan([{ prepared: of(`large${index}`, 2 ** 20) }]);
  assert.ok(loaded.size > 1 && loaded.size <= 10, `${loaded.size} loaded`);
});

test("examples are valid where they are cut, and left out where they cannot be", () => {
  const app = tree(40, { fields: lists, functions: 2 });
  const [first] = app.functions;
  assert.ok(first, "no first");
  const example = new Examples(app).arguments(first);
  const reader = new ArgumentReader(first);
  assert.ok(reader.read(JSON.stringify(example), "json"), "the example is not read");
  const count = (value: unknown): number =>
    typeof value === "object" && value !== null
      ? Object.values(value).reduce((sum: number, one) => sum + count(one), 1)
      : 1;
  assert.ok(count(example) < 400, `${count(example)} values`);
  const wide = tree(12, { fields: (inner) => [inner, inner], functions: 100 });
  const made = new Examples(wide);
  const shown = wide.functions.filter((fn) => made.arguments(fn) !== undefined).length;
  assert.ok(shown > 0 && shown < 100, `${shown} of 100`);
});

test("which of 40,000 parameters may be left out is found in one pass", () => {
  const parameters = many(40_000, (index) => ({ name: `p${index}`, wit: `p${index}`, type: option(s32) }));
  const fn: FunctionType = { name: "f", wit: "f", parameters, result: null };
  assert.ok(cheaply(() => optionalParameters(fn)).every(Boolean), "all parameters are optional");
  const needed = { ...fn, parameters: [...parameters, { name: "n", wit: "n", type: s32 }] };
  assert.ok(!optionalParameters(needed).some(Boolean), "no parameter is optional");
});

test("type names that OpenAPI cannot hold are replaced in linear time", () => {
  const records = many(2_000, (index): RecordType => {
    const name = String.fromCodePoint(0x4e00 + index);
    return { name, wit: `r${index}`, fields: [{ name: "a", wit: "a", type: s32 }] };
  });
  const record = { app: "a", revision: "r", revisions: [], public: true };
  const document = cheaply(() =>
    openApi(record, { version: 1, functions: [], records, enums: [] }, "https://localhost"),
  );
  assert.match(JSON.stringify(document), /"__1999"|"__1998"/);
});
