// The direct binding against jco's glue for the same component: generated values of every type, 1,000 cases.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { transpile } from "@bytecodealliance/jco";
import fc from "fast-check";
import type { AppInterface, FunctionType, ValueType } from "../../../runtime/interface/model.js";
import { prepare } from "../../../runtime/sandbox/prepare/prepare.js";
import type { PreparedRevision } from "../../../runtime/sandbox/prepared-revision.js";
import { Engine } from "../../../runtime/sandbox/thread/engine.js";
import { webAssembly } from "../../../runtime/sandbox/web-assembly.js";
import { defaultLimits } from "../../../src/core/limits.js";
import { compileGuests } from "./guests.js";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
type JcoFunctions = Record<string, (...values: unknown[]) => unknown>;

const ranges = {
  s8: [-128, 127],
  u8: [0, 255],
  s16: [-32768, 32767],
  u16: [0, 65535],
  s32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
};
const special = ["NaN", "Infinity", "-Infinity"];

/** JSON values of `type`, in the form in which results are written. */
function values(type: ValueType, app: AppInterface): fc.Arbitrary<Json> {
  switch (type.kind) {
    case "bool":
      return fc.boolean();
    case "s64":
      return fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(bigJson);
    case "u64":
      return fc.bigInt(0n, 2n ** 64n - 1n).map(bigJson);
    case "f32":
      return fc.oneof(fc.float({ noDefaultInfinity: true, noNaN: true }), fc.constantFrom(...special));
    case "f64":
      return fc.oneof(fc.double({ noDefaultInfinity: true, noNaN: true }), fc.constantFrom(...special));
    case "string":
      return fc.string({ unit: "binary", maxLength: 40 });
    case "bytes":
      return fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("base64"));
    case "list":
      return fc.array(values(type.element, app), { maxLength: 6 });
    case "set":
      return fc.uniqueArray(values(type.element, app), { maxLength: 6 });
    case "map":
      return fc.dictionary(fc.string({ unit: "binary", maxLength: 8 }), values(type.value, app), { maxKeys: 5 });
    case "option":
      return fc.option(values(type.value, app));
    case "record":
      return fc.record(
        Object.fromEntries(fields(type.name, app).map((field) => [field.name, values(field.type, app)])),
      );
    case "enum":
      return fc.constantFrom(...members(type.name, app).map(({ name }) => name));
    default: {
      const [min = 0, max = 0] = ranges[type.kind];
      return fc.integer({ min, max });
    }
  }
}

function bigJson(value: bigint): Json {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
}

/** A JSON value as jco takes it. */
function toJco(value: Json, type: ValueType, app: AppInterface): unknown {
  switch (type.kind) {
    case "s64":
    case "u64":
      return BigInt(value as string | number);
    case "f32":
    case "f64":
      return Number(value);
    case "bytes":
      return new Uint8Array(Buffer.from(value as string, "base64"));
    case "list":
    case "set":
      return (value as Json[]).map((one) => toJco(one, type.element, app));
    case "map":
      return Object.entries(value as object).map(([key, one]) => [key, toJco(one as Json, type.value, app)]);
    case "option":
      return value === null ? undefined : toJco(value, type.value, app);
    case "record":
      return Object.fromEntries(
        fields(type.name, app).map((field) => {
          const inner = (value as Record<string, Json>)[field.name] ?? null;
          return [camel(field.wit), toJco(inner, field.type, app)];
        }),
      );
    case "enum":
      return members(type.name, app).find(({ name }) => name === value)?.wit;
    default:
      return value;
  }
}

/** What jco gave, as a JSON value. */
function fromJco(value: unknown, type: ValueType, app: AppInterface): Json {
  switch (type.kind) {
    case "s64":
    case "u64":
      return bigJson(value as bigint);
    case "f32":
    case "f64":
      return Number.isFinite(value) ? (value as number) : String(value);
    case "bytes":
      return Buffer.from(value as Uint8Array).toString("base64");
    case "list":
    case "set":
      return Array.from(value as unknown[], (one) => fromJco(one, type.element, app));
    case "map": {
      const entries = (value as [string, unknown][]).map(([key, one]) => [key, fromJco(one, type.value, app)]);
      return Object.fromEntries(entries) as Json;
    }
    case "option":
      return value === undefined ? null : fromJco(value, type.value, app);
    case "record": {
      const read = (wit: string): unknown => (value as Record<string, unknown>)[camel(wit)];
      const entries = fields(type.name, app).map((field) => [field.name, fromJco(read(field.wit), field.type, app)]);
      return Object.fromEntries(entries) as Json;
    }
    case "enum":
      return members(type.name, app).find(({ wit }) => wit === value)?.name ?? null;
    default:
      return value as Json;
  }
}

function fields(name: string, app: AppInterface) {
  return app.records.find((record) => record.name === name)?.fields ?? [];
}

function members(name: string, app: AppInterface) {
  return app.enums.find((one) => one.name === name)?.members ?? [];
}

function camel(wit: string): string {
  return wit.replace(/-(.)/g, (_all, letter: string) => letter.toUpperCase());
}

async function instantiateJco(component: Uint8Array, folder: string): Promise<JcoFunctions> {
  const { files } = await transpile(component, {
    name: "guest",
    instantiation: { tag: "sync" },
    noTypescript: true,
  } as never);
  const all = Object.entries(files as Record<string, Uint8Array>);
  const [source, cores] = [all.find(([path]) => path.endsWith(".js")), new Map(all)];
  if (source === undefined) throw new Error("jco wrote no module");
  const path = join(folder, "guest.mjs");
  writeFileSync(path, source[1]);
  const glue = (await import(pathToFileURL(path).href)) as {
    instantiate(core: (path: string) => unknown, imports: object): object;
  };
  const root = glue.instantiate((name) => new webAssembly.Module(cores.get(name) ?? new Uint8Array()), {});
  return (
    (root as Record<string, JcoFunctions>)["herd:app/functions"] ?? (root as { functions: JcoFunctions }).functions
  );
}

function engineFor(prepared: PreparedRevision): (index: number, text: string) => string | null {
  const host = { nodeName: "n", now: () => 0, monotonicNs: () => 0n, fillRandom: () => undefined };
  const engine = new Engine({ limits: defaultLimits, host });
  engine.load({ id: 0, prepared });
  return (index, text) => {
    try {
      return engine.run({ revision: 0, functionIndex: index, format: "json", body: text }, () => undefined);
    } finally {
      engine.tidy();
    }
  };
}

const components = await compileGuests("echo", "echo-plain");

for (const [name, component] of Object.entries(components)) {
  test(`${name}: every function answers as it does through jco`, async (context) => {
    const folder = mkdtempSync(join(tmpdir(), "herd-jco-"));
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const prepared = await prepare(component, { revision: name, limits: defaultLimits });
    const jco = await instantiateJco(component, folder);
    const run = engineFor(prepared);
    const app = prepared.interface;
    const cases = fc.constantFrom(...app.functions.keys()).chain((index) => {
      const fn = app.functions[index] as FunctionType;
      return fc.tuple(fc.constant({ index, fn }), fc.tuple(...argumentTypes(fn).map((type) => values(type, app))));
    });
    fc.assert(
      fc.property(cases, ([{ index, fn }, given]) => {
        const args = argumentTypes(fn).map((type, at) => toJco(given[at] ?? null, crossing(type, { fn, at }), app));
        const expected = expectedJson(jco[camel(fn.wit)]?.(...args), fn, app);
        const text = run(
          index,
          JSON.stringify(given, (_key, value) => (Object.is(value, -0) ? 0 : value)),
        );
        assert.deepEqual(parsed(text), parsed(JSON.stringify(expected)));
      }),
      { numRuns: 1_000 },
    );
  });
}

function argumentTypes(fn: FunctionType): ValueType[] {
  const own = fn.parameters.map(({ type }) => type);
  return fn.self === undefined ? own : [{ kind: "record", name: fn.self }, ...own];
}

/** A parameter with a default crosses as an option, which jco takes as the value itself. */
function crossing(type: ValueType, { fn, at }: { fn: FunctionType; at: number }): ValueType {
  const parameter = fn.parameters[fn.self === undefined ? at : at - 1];
  return parameter?.default === undefined ? type : { kind: "option", value: type };
}

function expectedJson(value: unknown, fn: FunctionType, app: AppInterface): Json | undefined {
  if (fn.self === undefined) return fn.result === null ? undefined : fromJco(value, fn.result, app);
  const self: ValueType = { kind: "record", name: fn.self };
  if (fn.result === null) return { self: fromJco(value, self, app), result: null };
  const [object, result] = value as [unknown, unknown];
  return { self: fromJco(object, self, app), result: fromJco(result, fn.result, app) };
}

/**
 * Through text on both sides; nothing is undefined. We write a negative zero as such, `JSON.stringify` here does not.
 */
function parsed(text: string | null | undefined): unknown {
  return text === null || text === undefined ? undefined : JSON.parse(text, (_key, value) => (value === 0 ? 0 : value));
}
