// Types of a core module (core specification, "Types", with the proposals that today's engines have): skipped, or read
// on request.
import type { BinaryReader } from "../../interface/binary.js";
import { moduleBounds, within } from "../../interface/bounds.js";
import type { CoreType } from "../../interface/layout.js";
import { skipValueType } from "./instructions.js";

/** Core types by their bytes; a reference or a vector is `other`: no function of an interface has one. */
const coreTypes: Readonly<Record<number, CoreType>> = { 127: "i32", 126: "i64", 125: "f32", 124: "f64" };

/** A function type that a module holds, as far as an interface can use it. */
export interface ModuleSignature {
  readonly parameters: readonly (CoreType | "other")[];
  readonly results: readonly (CoreType | "other")[];
}

const functionForm = 0x60;
const noFunction = -1;

/** Reads past the type section's content; returns the place of each function type, and -1 for other types. */
export function skipTypes(reader: BinaryReader): number[] {
  const places: number[] = [];
  for (let groups = reader.count(moduleBounds.types); groups > 0; groups--) {
    const isGroup = reader.peek() === 0x4e;
    if (isGroup) reader.byte();
    for (let left = isGroup ? reader.count(moduleBounds.types) : 1; left > 0; left--) {
      within(moduleBounds.types, places.length + 1);
      places.push(skipType(reader));
    }
  }
  return places;
}

/** The function type at a place of {@link skipTypes}. */
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
