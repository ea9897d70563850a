// Lowering: a JSON value, checked against its type, becomes core values or bytes in the guest's memory
// (component-model CanonicalABI.md, "Storing" and "Flattening").
import { maxFlatParameters } from "../../interface/layout.js";
import type { ScalarKind, ValueType } from "../../interface/model.js";
import type { CoreValue } from "../web-assembly.js";
import type { Lowerer } from "./codec.js";
import type { Heap } from "./heap.js";
import { mismatch, unwind } from "./mismatch.js";
import { scalarLowerer, scalarStore } from "./scalars.js";
import type { TypeTable } from "./types.js";

/** Writes a value of variable length and returns its address and length. */
type Chunk = (heap: Heap, value: unknown) => { readonly address: number; readonly length: number };

/** The lowerer of `type`. */
export function lowerer(type: ValueType, types: TypeTable): Lowerer {
  switch (type.kind) {
    case "string":
      return chunkLowerer(lowerString);
    case "bytes":
      return chunkLowerer(lowerBytes);
    case "list":
    case "set":
      return chunkLowerer(listChunk(type.element, types));
    case "map":
      return chunkLowerer(mapChunk(type.value, types));
    case "option":
      return optionLowerer(type.value, { types, isNone: (value) => value === null });
    case "record":
    case "enum": {
      let named = types.lowerers.get(type.name);
      if (named === undefined) {
        named = (type.kind === "record" ? recordLowerer : enumLowerer)(type.name, types);
        types.lowerers.set(type.name, named);
      }
      return named;
    }
    default:
      return scalar(type.kind, scalarLowerer(type.kind));
  }
}

/** The lowerer of a parameter with a default: a left-out argument crosses as none; `null` is a value like any other. */
export function defaultedLowerer(type: ValueType, types: TypeTable): Lowerer {
  return optionLowerer(type, { types, isNone: (value) => value === undefined });
}

function scalar(kind: ScalarKind, lower: (value: unknown) => CoreValue): Lowerer {
  const store = scalarStore(kind);
  return {
    flatten: (_heap, value, flat) => {
      flat.push(lower(value));
    },
    store: (heap, value, address) => store(heap.view, address, lower(value)),
  };
}

function enumLowerer(name: string, types: TypeTable): Lowerer {
  const members = types.members(name);
  const indexes = new Map(members.map((member, index) => [member, index]));
  const shown = members.slice(0, 16).map((member) => `"${member}"`);
  const expected = `a member of ${name} (${shown.join(", ")}${members.length > shown.length ? ", …" : ""})`;
  return scalar(types.discriminant(name), (value) => {
    const index = typeof value === "string" ? indexes.get(value) : undefined;
    return index ?? mismatch(expected, value);
  });
}

/** The lowerer of a value that crosses as address and length. */
function chunkLowerer(lower: Chunk): Lowerer {
  return {
    flatten: (heap, value, flat) => {
      const { address, length } = lower(heap, value);
      flat.push(address, length);
    },
    store: (heap, value, address) => {
      const chunk = lower(heap, value);
      heap.view.setUint32(address, chunk.address, true);
      heap.view.setUint32(address + 4, chunk.length, true);
    },
  };
}

const lowerString: Chunk = (heap, value) => {
  if (typeof value !== "string") mismatch("a string", value);
  const address = heap.allocate(value.length * 2, 2);
  if (!heap.writeText(address, value)) {
    mismatch("a string of Unicode characters, without a lone surrogate", value);
  }
  return { address, length: value.length };
};

const lowerBytes: Chunk = (heap, value) => {
  const expected = "bytes as a base64 string (RFC 4648, with padding)";
  if (typeof value !== "string" || value.length % 4 !== 0) mismatch(expected, value);
  const padding = value.endsWith("==") ? 2 : value.endsWith("=") ? 1 : 0;
  const length = (value.length / 4) * 3 - padding;
  const address = heap.allocate(length, 1);
  const bytes = heap.bytes.subarray(address, address + length);
  // Node's decoder ignores unknown characters. Encoding the result again is a strict check, and as fast as a parser.
  const isExact = bytes.write(value, "base64") === length && bytes.toString("base64") === value;
  return isExact ? { address, length } : mismatch(expected, value);
};

function listChunk(element: ValueType, types: TypeTable): Chunk {
  const inner = lowerer(element, types);
  const { size, align } = types.abi.layout(element);
  return (heap, value) => {
    if (!Array.isArray(value)) mismatch("an array", value);
    const address = heap.allocate(value.length * size, align);
    let index = 0;
    try {
      for (; index < value.length; index++) inner.store(heap, value[index], address + index * size);
    } catch (error) {
      unwind(error, index);
    }
    return { address, length: value.length };
  };
}

/** A map crosses as a list of tuples of key and value. */
function mapChunk(valueType: ValueType, types: TypeTable): Chunk {
  const key = lowerer({ kind: "string" }, types);
  const inner = lowerer(valueType, types);
  const { size, align, offsets } = types.abi.tuple([{ kind: "string" }, valueType]);
  return (heap, value) => {
    const entries = Object.entries(objectOf(value, "an object"));
    const address = heap.allocate(entries.length * size, align);
    let at = address;
    for (const [name, item] of entries) {
      try {
        key.store(heap, name, at);
        inner.store(heap, item, at + (offsets[1] ?? 0));
      } catch (error) {
        unwind(error, name);
      }
      at += size;
    }
    return { address, length: entries.length };
  };
}

function optionLowerer(
  type: ValueType,
  { types, isNone }: { types: TypeTable; isNone: (value: unknown) => boolean },
): Lowerer {
  const inner = lowerer(type, types);
  const offset = types.payloadOffset(type);
  // More than this many parameters travel through memory, so the core values of this one are not used.
  const isFlat = types.abi.flatCount(type) < maxFlatParameters;
  const rest = isFlat ? types.abi.flatten(type) : [];
  const none: CoreValue[] = [0, ...rest.map((core) => (core === "i64" ? 0n : 0))];
  return {
    flatten: (heap, value, flat) => {
      if (isNone(value)) {
        flat.push(...none);
        return;
      }
      flat.push(1);
      inner.flatten(heap, value, flat);
    },
    store: (heap, value, address) => {
      const present = !isNone(value);
      heap.view.setUint8(address, present ? 1 : 0);
      if (present) inner.store(heap, value, address + offset);
    },
  };
}

function recordLowerer(name: string, types: TypeTable): Lowerer {
  const fields = types
    .fields(name)
    .map(({ field, offset }) => ({ name: field.name, offset, inner: lowerer(field.type, types) }));
  const known = new Set(fields.map((field) => field.name));
  const check = (value: unknown): Record<string, unknown> => {
    const object = objectOf(value, `an object with the fields of ${name}`);
    let count = 0;
    for (const key in object) {
      // Most callers write the fields in their order, and two equal names are one object.
      if (key !== fields[count]?.name && !known.has(key)) unwindUnknown(key, { name, value: object[key] });
      count++;
    }
    if (count === fields.length) return object;
    const missing = fields.find((field) => !Object.hasOwn(object, field.name));
    return missing === undefined ? object : unwindMissing(missing.name, name);
  };
  return {
    flatten: (heap, value, flat) => {
      const object = check(value);
      for (const field of fields) {
        try {
          field.inner.flatten(heap, object[field.name], flat);
        } catch (error) {
          unwind(error, field.name);
        }
      }
    },
    store: (heap, value, address) => {
      const object = check(value);
      for (const field of fields) {
        try {
          field.inner.store(heap, object[field.name], address + field.offset);
        } catch (error) {
          unwind(error, field.name);
        }
      }
    },
  };
}

function unwindUnknown(key: string, { name, value }: { name: string; value: unknown }): never {
  try {
    mismatch(`left out, since ${name} has no such field`, value);
  } catch (error) {
    unwind(error, key);
  }
}

function unwindMissing(key: string, name: string): never {
  try {
    mismatch(`given, as ${name} needs it`, undefined);
  } catch (error) {
    unwind(error, key);
  }
}

function objectOf(value: unknown, expected: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  return mismatch(expected, value);
}
