// The interface as a custom section of its component, so that the component's digest covers it.
import { z } from "zod";
import { HerdError } from "../../src/core/errors.js";
import { BinaryReader, leb128, readSections } from "./binary.js";
import type { AppInterface } from "./model.js";

const sectionName = "herd:interface";
const customSectionId = 0;
const maxSectionBytes = 4 * 1024 * 1024;

const name = z.string().max(512);
const doc = z.string().max(8192).optional();
const scalar = z.enum(["bool", "s8", "s16", "s32", "s64", "u8", "u16", "u32", "u64", "f32", "f64"]);
const valueType: z.ZodType = z.lazy(() =>
  z.union([
    z.strictObject({ kind: scalar }),
    z.strictObject({ kind: z.enum(["string", "bytes"]) }),
    z.strictObject({ kind: z.enum(["list", "set"]), element: valueType }),
    z.strictObject({ kind: z.enum(["map", "option"]), value: valueType }),
    z.strictObject({ kind: z.enum(["record", "enum"]), name }),
  ]),
);
const field = { name, wit: name, type: valueType, doc };
const appInterface = z.strictObject({
  version: z.literal(1),
  functions: z.array(
    z.strictObject({
      name,
      wit: name,
      parameters: z.array(z.strictObject({ ...field, default: z.string().max(4096).optional() })),
      result: valueType.nullable(),
      self: name.optional(),
      doc,
    }),
  ),
  records: z.array(z.strictObject({ name, wit: name, fields: z.array(z.strictObject(field)).min(1), doc })),
  enums: z.array(
    z.strictObject({ name, wit: name, members: z.array(z.strictObject({ name, wit: name, doc })).min(1), doc }),
  ),
});

/** `component` with `app` appended as its custom section `herd:interface`. */
export function appendInterface(component: Uint8Array, app: AppInterface): Uint8Array {
  const label = Buffer.from(sectionName);
  const json = Buffer.from(JSON.stringify(app));
  const body = Buffer.concat([leb128(label.length), label, json]);
  return Buffer.concat([component, Buffer.of(customSectionId), leb128(body.length), body]);
}

/**
 * The interface that {@link appendInterface} put into `component`. The bytes may be hostile: every length is checked.
 * @throws {HerdError} `source.invalid` when they hold no valid interface.
 */
export function readInterface(component: Uint8Array): AppInterface {
  const json = findSection(component);
  if (json === undefined) throw new HerdError("source.invalid", `the component has no section ${sectionName}`);
  try {
    const app = appInterface.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json))) as AppInterface;
    checkReferences(app);
    return app;
  } catch (cause) {
    throw new HerdError("source.invalid", `the component's section ${sectionName} cannot be read`, { cause });
  }
}

/** Every named type exists, none contains itself: what later recursions over the types rely on. */
function checkReferences(app: AppInterface): void {
  const records = new Map(app.records.map((record) => [record.name, record]));
  const enums = new Set(app.enums.map(({ name }) => name));
  const open = new Set<string>();
  const checked = new Set<string>();
  const visit = (type: AppInterface["functions"][number]["result"]): void => {
    if (type === null) return;
    if ("element" in type) visit(type.element);
    else if ("value" in type) visit(type.value);
    else if (type.kind === "enum" && !enums.has(type.name)) throw new RangeError(`unknown enum ${type.name}`);
    else if (type.kind === "record" && !checked.has(type.name)) {
      const record = records.get(type.name);
      if (record === undefined || open.has(type.name)) throw new RangeError(`unknown or recursive record ${type.name}`);
      open.add(type.name);
      for (const { type: fieldType } of record.fields) visit(fieldType);
      open.delete(type.name);
      checked.add(type.name);
    }
  };
  for (const { name } of app.records) visit({ kind: "record", name });
  for (const fn of app.functions) {
    if (fn.self !== undefined) visit({ kind: "record", name: fn.self });
    for (const { type } of fn.parameters) visit(type);
    visit(fn.result);
  }
}

function findSection(component: Uint8Array): Uint8Array | undefined {
  for (const section of readSections(component)) {
    if (section.id !== customSectionId || section.end - section.start > maxSectionBytes) continue;
    const reader = new BinaryReader(component, section);
    if (reader.name() === sectionName) return component.subarray(reader.offset, section.end);
  }
  return undefined;
}
