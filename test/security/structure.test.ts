// What a component may hold: each bound refused by its name, and nothing that was accepted is of another type.
import assert from "node:assert/strict";
import { test } from "node:test";
import { interfaceBounds, moduleBounds } from "../../runtime/interface/bounds.js";
import type { AppInterface, FunctionType, RecordType, ValueType } from "../../runtime/interface/model.js";
import { WitScope } from "../../runtime/interface/names.js";
import { prepare } from "../../runtime/sandbox/prepare/prepare.js";
import type { HerdError } from "../../src/core/errors.js";
import { failureOf } from "../runtime/sandbox/guests.js";
import { component, core, moduleText, unary } from "../runtime/sandbox/hand-made.js";
import { bareModule, coreModule, repeated, section, wrapped } from "./forge.js";
import { overfull, overfullComponent } from "./many-sections.js";

const options = { revision: "r", limits: { memoryBytes: 4 * 65_536 } };
const s32: ValueType = { kind: "s32" };
const refusal = (bytes: Uint8Array): Promise<HerdError> => failureOf(prepare(bytes, options));

/** Refused as what it is, with both numbers; test/timing has what that costs. */
async function refusedBy(bound: { of: string; most: number }, bytes: Uint8Array, found?: number): Promise<void> {
  const error = await refusal(bytes);
  assert.equal(error.code, "source.invalid");
  const numbers = `${found ?? "[0-9]+"}; at most ${bound.most}`;
  assert.match(error.message, new RegExp(`too many ${bound.of.replace(/[()|]/g, ".")}: ${numbers}$`));
}

for (const [bound, id, entry, count] of overfull) {
  test(`a module with ${count} entries in section ${id} is refused: ${bound.of}`, async () => {
    const found = bound === moduleBounds.elementBytes ? undefined : count;
    await refusedBy(bound, overfullComponent(id, entry, count), found);
  });
}

test("sizes of a component, its sections, names, types and functions are bounded", async () => {
  const many = (count: number): Buffer[] => Array.from({ length: count }, () => section(0, Buffer.of(0)));
  await refusedBy(moduleBounds.componentBytes, Buffer.alloc(moduleBounds.componentBytes.most + 1));
  await refusedBy(moduleBounds.componentSections, wrapped(bareModule(), { before: many(1_001) }));
  await refusedBy(moduleBounds.moduleSections, wrapped(coreModule(many(1_001))));
  const name = Buffer.concat([Buffer.of(0x81, 0x08), Buffer.alloc(1_025, "n"), Buffer.of(0, 0, 0)]);
  await refusedBy(moduleBounds.nameBytes, wrapped(coreModule([section(2, repeated(name, 1))])), 1_025);
  const wide = Buffer.concat([Buffer.of(0x60), repeated(Buffer.of(0x7f), 1_001), Buffer.of(0)]);
  await refusedBy(moduleBounds.typeValues, wrapped(coreModule([section(1, repeated(wide, 1))])), 1_001);
  const nested = Buffer.concat([Buffer.of(0), Buffer.alloc(12_000, Buffer.of(0x02, 0x40)), Buffer.alloc(6_001, 0x0b)]);
  const deep = coreModule([
    section(5, Buffer.of(1, 0, 1)),
    section(7, Buffer.of(0)),
    section(10, repeated(section(0, nested).subarray(1), 1)),
  ]);
  await refusedBy(moduleBounds.nesting, wrapped(deep), 5_001);
  const locals = Buffer.of(9, 2, 0xb0, 0xea, 0x01, 0x7f, 0xb0, 0xea, 0x01, 0x7f);
  await refusedBy(moduleBounds.locals, wrapped(coreModule([section(10, repeated(locals, 1))])), 60_000);
  const body = section(0, Buffer.alloc(moduleBounds.bodyBytes.most + 1, 1)).subarray(1);
  await refusedBy(moduleBounds.bodyBytes, wrapped(coreModule([section(10, repeated(body, 1))])));
  await refusedBy(moduleBounds.codeBytes, wrapped(coreModule([section(10, Buffer.alloc(25 * 2 ** 20))])));
  await refusedBy(moduleBounds.tableEntries, component(core(moduleText("(table 200000 funcref)"))), 200_000);
});

test("a module's sections stand once and in order", async () => {
  const twice = coreModule([section(1, Buffer.of(0)), section(1, Buffer.of(0))]);
  assert.match((await refusal(wrapped(twice))).message, /twice, or out of order/);
  assert.match((await refusal(wrapped(coreModule([section(99, Buffer.of(0))])))).message, /unknown kind 99/);
});

const withText = (text: string | Buffer): Buffer => wrapped(bareModule(), { interface: Buffer.from(text) });
const withApp = (app: Partial<AppInterface>): Buffer =>
  withText(JSON.stringify({ version: 1, functions: [], records: [], enums: [], ...app }));
const many = <T>(count: number, one: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => one(index));
const field = (name: string, type: ValueType): RecordType["fields"][number] => ({ name, wit: name, type });
const record = (name: string, ...fields: RecordType["fields"]): RecordType => ({ name, wit: name, fields });
const fn = (name: string, parameters: FunctionType["parameters"] = []): FunctionType => ({
  name,
  wit: name,
  parameters,
  result: null,
});

test("an interface is bounded as a text before it is read as JSON", async () => {
  const text = `{"version":1,"functions":[${"{},".repeat(400_000)}{}],"records":[],"enums":[]}`;
  await refusedBy(interfaceBounds.interfaceBytes, withText(text));
  await refusedBy(interfaceBounds.interfaceValues, withText(text.replace("{},".repeat(100_000), "")));
  await refusedBy(interfaceBounds.interfaceDepth, withText("[".repeat(100_000)), 257);
});

test("the first fault ends the reading, whatever follows: 60,000 empty functions", async () => {
  const error = await refusal(
    withText(`{"version":1,"functions":[${"{},".repeat(60_000)}{}],"records":[],"enums":[]}`),
  );
  assert.match(error.message, /too many callable functions: 60001; at most 1024/);
  const few = await refusal(withText(`{"version":1,"functions":[${"{},".repeat(900)}{}],"records":[],"enums":[]}`));
  assert.match(few.message, /functions\.0 has no name/);
});

test("counts within an interface are bounded, each by its name", async () => {
  const members = (count: number) => many(count, (index) => ({ name: `m${index}`, wit: `m${index}` }));
  const parameters = (count: number) => many(count, (index) => field(`p${index}`, s32));
  const cases: [{ of: string; most: number }, Partial<AppInterface>][] = [
    [interfaceBounds.callables, { functions: many(1_025, (index) => fn(`f${index}`)) }],
    [interfaceBounds.parameters, { functions: [fn("f", parameters(4_000))] }],
    [interfaceBounds.allParameters, { functions: many(40, (index) => fn(`f${index}`, parameters(250))) }],
    [interfaceBounds.records, { records: many(2_049, (index) => record(`r${index}`, field("a", s32))) }],
    [interfaceBounds.fields, { records: [record("r", ...parameters(1_025))] }],
    [interfaceBounds.allFields, { records: many(17, (index) => record(`r${index}`, ...parameters(1_000))) }],
    [
      interfaceBounds.enums,
      { enums: many(1_025, (index) => ({ name: `e${index}`, wit: `e${index}`, members: members(1) })) },
    ],
    [interfaceBounds.members, { enums: [{ name: "e", wit: "e", members: members(8_193) }] }],
    [
      interfaceBounds.allMembers,
      { enums: many(3, (index) => ({ name: `e${index}`, wit: `e${index}`, members: members(8_000) })) },
    ],
    [interfaceBounds.interfaceNameLength, { functions: [fn("f".repeat(513))] }],
    [interfaceBounds.docLength, { functions: [{ ...fn("f"), doc: "d".repeat(8_193) }] }],
    [interfaceBounds.defaultLength, { functions: [fn("f", [{ ...field("p", s32), default: "1".repeat(4_097) }])] }],
  ];
  for (const [bound, app] of cases) await refusedBy(bound, withApp(app));
});

/** Classes of which each holds the one before as often as `fields` says. */
function chain(length: number, fields: (inner: ValueType) => ValueType[]): RecordType[] {
  return many(length, (level) => {
    const inner: ValueType = level === 0 ? s32 : { kind: "record", name: `b${level - 1}` };
    return record(`b${level}`, ...fields(inner).map((type, index) => field(`f${index}`, type)));
  });
}

test("types are shallow and small: classes in classes, lists in lists, values without a list between", async () => {
  const option = (value: ValueType): ValueType => ({ kind: "option", value });
  const list = (element: ValueType): ValueType => ({ kind: "list", element });
  await refusedBy(interfaceBounds.typeDepth, withApp({ records: chain(1_000, (inner) => [option(inner)]) }), 129);
  const backwards = chain(1_000, (inner) => [option(inner)]).reverse();
  await refusedBy(interfaceBounds.typeDepth, withApp({ records: backwards }), 129);
  await refusedBy(interfaceBounds.flatValues, withApp({ records: chain(40, (inner) => [inner, inner]) }), 8_192);
  const nested = many(120, () => 0).reduce((type: ValueType) => list(type), s32);
  const [deep, wide] = [[field("p", nested)], chain(60, (inner) => [list(inner), list(inner)])];
  assert.match((await refusal(withApp({ functions: [fn("f", deep)], records: wide }))).message, /does not export/);
});

test("names are unique, types exist, no class contains itself", async () => {
  const [a, r] = [field("a", s32), record("r", field("a", s32))];
  const cases: [RegExp, Partial<AppInterface>][] = [
    [/functions\.1 is named "f" like another/, { functions: [fn("f"), fn("f")] }],
    [/functions\.1 is named "f" like another/, { functions: [fn("f"), { ...fn("g"), wit: "f" }] }],
    [/parameters\.1 is named "a" like another/, { functions: [fn("f", [a, a])] }],
    [/records\.0\.fields\.1 is named "a"/, { records: [record("r", a, a)] }],
    [/records\.1 is named "r"/, { records: [r, r] }],
    [/enums\.0 is named "r"/, { records: [r], enums: [{ name: "r", wit: "e", members: [{ name: "m", wit: "m" }] }] }],
    [
      /members\.1 is named "m"/,
      { enums: [{ name: "e", wit: "e", members: many(2, () => ({ name: "m", wit: "m" })) }] },
    ],
    [/"self" beside its own/, { records: [r], functions: [{ ...fn("f", [field("self", s32)]), self: "r" }] }],
    [/no class "gone"/, { functions: [fn("f", [field("a", { kind: "record", name: "gone" })])] }],
    [/no enum "r"/, { records: [r], functions: [fn("f", [field("a", { kind: "enum", name: "r" })])] }],
    [
      /contains itself: "r"/,
      { records: [record("r", field("a", { kind: "list", element: { kind: "record", name: "r" } }))] },
    ],
    [/no Unicode text/, { functions: [{ ...fn("f"), name: "\ud800" }] }],
    [/no identifier of WIT/, { functions: [{ ...fn("f"), wit: "a;b" }] }],
    [
      /has "__proto__"/,
      JSON.parse('{"functions":[{"__proto__":1,"name":"f","wit":"f","parameters":[],"result":null}]}'),
    ],
    [/result is no known type/, { functions: [{ ...fn("f"), result: { kind: "__proto__" } as never }] }],
  ];
  for (const [message, app] of cases) assert.match((await refusal(withApp(app))).message, message);
});

test("names of thousands of twins differ", () => {
  const scope = new WitScope();
  const made = new Set(many(40_000, (index) => scope.claim(index % 2 === 0 ? "twin" : "t_w_i_n")));
  assert.equal(made.size, 40_000);
});

const realloc = '(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))';
const memory = '(memory (export "memory") 1)';
const fnOf = (type: string): string => `(func (export "herd:app/functions#f") ${type} unreachable)`;
const right = fnOf("(param i32) (result i32)");
const mistyped: Record<string, readonly [text: string, message: RegExp]> = {
  "a memory that is a function": [
    `(module (memory 1) (func (export "memory")) ${realloc} ${right})`,
    /memory that is none/,
  ],
  "a memory that is a global": [
    `(module (memory 1) (global (export "memory") i32 (i32.const 1)) ${realloc} ${right})`,
    /memory that is none/,
  ],
  "an allocator that is a memory": [
    `(module ${memory} (export "cabi_realloc" (memory 0)) ${right})`,
    /cabi_realloc, which is not a function/,
  ],
  "an allocator of another type": [
    `(module ${memory} (func (export "cabi_realloc") (param i64)) ${right})`,
    /cabi_realloc with the type \(i64\) → \(\), not \(i32, i32, i32, i32\) → \(i32\)/,
  ],
  "a start that takes something": [
    `(module ${memory} ${realloc} ${right} (func (export "_initialize") (param i64)))`,
    /_initialize with the type \(i64\)/,
  ],
  "a start that is a table": [
    `(module ${memory} ${realloc} ${right} (table (export "_initialize") 1 funcref))`,
    /_initialize, which is not a function/,
  ],
  "a callable that is a global": [
    `(module ${memory} ${realloc} (global (export "herd:app/functions#f") i32 (i32.const 1)))`,
    /#f, which is not a function/,
  ],
  "a callable of an i64": [
    `(module ${memory} ${realloc} ${fnOf("(param i64) (result i32)")})`,
    /#f with the type \(i64\) → \(i32\), not \(i32\) → \(i32\)/,
  ],
  "a callable of too many values": [
    `(module ${memory} ${realloc} ${fnOf("(param i32 i32) (result i32)")})`,
    /\(i32, i32\) → \(i32\), not/,
  ],
  "a callable without its result": [`(module ${memory} ${realloc} ${fnOf("(param i32)")})`, /\(i32\) → \(\), not/],
  "a callable with a reference": [
    `(module ${memory} ${realloc} ${fnOf("(param externref) (result i32)")})`,
    /\(other\) → \(i32\), not/,
  ],
  "a post-return of another type": [
    `(module ${memory} ${realloc} ${right} (func (export "cabi_post_herd:app/functions#f") (param f64)))`,
    /cabi_post_herd:app\/functions#f with the type/,
  ],
  "a vector under a reserved name": [
    `(module ${memory} ${realloc} ${right} (global (export "herd_out_of_memory") v128 (v128.const i32x4 0 0 0 0)))`,
    /herd_out_of_memory, which is not a global of type i32/,
  ],
  "a float that tells of an abort": [
    `(module ${memory} ${realloc} ${right} (global (export "herd_abort_line") f64 (f64.const 1)))`,
    /herd_abort_line, which is not/,
  ],
  "a function that tells of an abort": [
    `(module ${memory} ${realloc} ${right} (func (export "herd_abort_message")))`,
    /herd_abort_message, which is not/,
  ],
  "an import of another type": [
    `(module (import "herd:host/log" "write" (func (param f32))) ${memory} ${realloc} ${right})`,
    /imports herd:host\/log write with the type \(f32\) → \(\), not/,
  ],
};
for (const [what, [text, message]] of Object.entries(mistyped)) {
  test(`${what} is refused`, async () => {
    const error = await refusal(component(core(text), { functions: [unary("f", s32)] }));
    assert.equal(error.code, "source.invalid");
    assert.match(error.message, message);
  });
}

test("flattened interfaces are accepted: many values through memory, several results through a pointer", async () => {
  const floats = many(16, (index) => field(`p${index}`, { kind: "f64" }));
  const cases: [FunctionType, string][] = [
    [{ ...fn("f", floats), result: { kind: "f32" } }, `(param ${"f64 ".repeat(16)}) (result f32)`],
    [{ ...fn("f", [...floats, field("q", s32)]), result: { kind: "string" } }, "(param i32) (result i32)"],
    [fn("f", [field("p", { kind: "option", value: { kind: "u64" } })]), "(param i32 i64)"],
    [{ ...fn("f", [{ ...field("p", s32), default: "1" }]), self: "r" }, "(param i32 i32 i32) (result i32)"],
  ];
  for (const [one, type] of cases) {
    const text = `(module ${memory} ${realloc} ${fnOf(type)})`;
    const app = { functions: [one], records: [record("r", field("a", s32))] };
    await prepare(component(core(text), app), options);
  }
});

test("names that every object has are names like others", async () => {
  const { describeTypes } = await import("../../runtime/interface/schema.js");
  const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
  const fields = names.map((name, index) => ({ name, wit: `n${index}`, type: s32 }));
  const app: AppInterface = {
    version: 1,
    functions: [],
    enums: [],
    records: [{ name: "__proto__", wit: "p", fields }],
  };
  const types = JSON.parse(JSON.stringify(describeTypes(app))) as Record<string, { properties: object }>;
  assert.ok(Object.hasOwn(types, "__proto__"), Object.keys(types).join());
  assert.deepEqual(Object.keys(Object.entries(types)[0]?.[1].properties ?? {}), names);
});
