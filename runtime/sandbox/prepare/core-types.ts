// Types of a core module (core specification, "Types", with the proposals that today's engines have): skipped, or read
// on request.
import type { BinaryReader } from "../../interface/binary.js";
import { moduleBounds, within } from "../../interface/bounds.js";
import type { CoreType } from "../../interface/layout.js";
import { beginsReference, skipValueType } from "./instructions.js";

/** Core types by their bytes; a reference or a vector is `other`: no function of an interface has one. */
const coreTypes: Readonly<Record<number, CoreType>> = { 127: "i32", 126: "i64", 125: "f32", 124: "f64" };

/** A function type that a module holds, as far as an interface can use it. */
export interface ModuleSignature {
  readonly parameters: readonly (CoreType | "other")[];
  readonly results: readonly (CoreType | "other")[];
}

const functionForm = 0x60;
const recursiveForm = 0x4e;
const noFunction = -1;

/** An entry of the type section: a type, or types that may name each other. */
export interface TypeGroup {
  readonly start: number;
  readonly end: number;
  readonly types: number;
  /** Whether it may name types by their index; false where it cannot. */
  readonly namesTypes: boolean;
}

/** The types of a module. */
export interface TypeSection {
  /** The place of each function type, and -1 for other types. */
  readonly places: readonly number[];
  readonly groups: readonly TypeGroup[];
}

/** Reads past the type section's content. */
export function readTypes(reader: BinaryReader): TypeSection {
  const places: number[] = [];
  const groups: TypeGroup[] = [];
  for (let left = reader.count(moduleBounds.types); left > 0; left--) {
    const start = reader.offset;
    const isGroup = reader.peek() === recursiveForm;
    const isFunction = reader.peek() === functionForm;
    if (isGroup) reader.byte();
    const types = isGroup ? reader.count(moduleBounds.types) : 1;
    for (let index = 0; index < types; index++) {
      within(moduleBounds.types, places.length + 1);
      places.push(skipType(reader));
    }
    const end = reader.offset;
    const isIndexed = reader.bytes.subarray(start, end).some(beginsReference);
    groups.push({ start, end, types, namesTypes: !isFunction || isIndexed });
  }
  return { places, groups };
}

/** The function type at a place of {@link readTypes}. */
export function signatureAt(reader: BinaryReader, place: number): ModuleSignature | undefined {
  if (place === noFunction) return undefined;
  reader.offset = place;
  const list = (): (CoreType | "other")[] => {
    const types: (CoreType | "other")[] = [];
    for (let left = reader.count(moduleBounds.typeValues); left > 0; left--) {
      types.push(coreTypes[reader.peek() ?? 0] ?? "other");
      skipStorageType(reader);
    }
    return types;
  };
  return { parameters: list(), results: list() };
}

/** A signature as text for a message: `(i32, i32) → i32`. */
export function signatureText({ parameters, results }: ModuleSignature): string {
  const list = (types: readonly string[]): string => {
    const shown = types.slice(0, 20).join(", ");
    return `(${shown}${types.length > 20 ? ", …" : ""})`;
  };
  return `${list(parameters)} → ${list(results)}`;
}

function skipType(reader: BinaryReader): number {
  let form = reader.byte();
  if (form === 0x50 || form === 0x4f) {
    // A subtype: its supertypes, then its own form.
    for (let left = reader.count(moduleBounds.typeValues); left > 0; left--) reader.u32();
    form = reader.byte();
  }
  if (form === functionForm) {
    const place = reader.offset;
    for (const _ of ["parameters", "results"]) {
      for (let left = reader.count(moduleBounds.typeValues); left > 0; left--) skipStorageType(reader);
    }
    return place;
  }
  const fields = form === 0x5f ? reader.count(moduleBounds.typeValues) : form === 0x5e ? 1 : undefined;
  if (fields === undefined) reader.fail("has a type of an unknown form");
  for (let left = fields; left > 0; left--) {
    skipStorageType(reader);
    reader.byte();
  }
  return noFunction;
}

/** Skips a value type, or a packed one (i8, i16) within an array or struct. */
function skipStorageType(reader: BinaryReader): void {
  const next = reader.peek();
  if (next === 0x78 || next === 0x77) reader.byte();
  else if (!skipValueType(reader)) reader.fail("has a value of an unknown type");
}
