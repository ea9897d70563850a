// Canonical ABI of the Component Model: size, alignment and core types of a value
// (CanonicalABI.md, "Alignment", "Element Size", "Flattening").
import type { AppInterface, FunctionType, ValueType } from "./model.js";

/** A core Wasm type that a value flattens to. */
export type CoreType = "i32" | "i64" | "f32" | "f64";

/** Core types of a function's parameters and results. */
export interface CoreSignature {
  readonly parameters: readonly CoreType[];
  readonly results: readonly CoreType[];
}

/** Parameters that flatten to more core values than this travel through memory (CanonicalABI.md, MAX_FLAT_PARAMS). */
export const maxFlatParameters = 16;

/** Results that flatten to more core values than this travel through memory (CanonicalABI.md, MAX_FLAT_RESULTS). */
const maxFlatResults = 1;

/** Bytes and alignment of a value in linear memory. */
export interface Layout {
  readonly size: number;
  readonly align: number;
}

/** A layout of several values, with the offset of each. */
export interface TupleLayout extends Layout {
  readonly offsets: readonly number[];
}

/** Layout and core types of a kind whose representation is the same in every interface. */
interface LeafAbi extends Layout {
  readonly flat: readonly CoreType[];
}

const scalar = (size: number, core: CoreType): LeafAbi => ({ size, align: size, flat: [core] });

/** Strings and collections lie elsewhere in memory: they cross as an address and a length. */
const pointerAndLength: LeafAbi = { size: 8, align: 4, flat: ["i32", "i32"] };

/** All kinds except those that depend on other types of the interface. */
const leaves: Readonly<Record<Exclude<ValueType["kind"], "option" | "record" | "enum">, LeafAbi>> = {
  bool: scalar(1, "i32"),
  s8: scalar(1, "i32"),
  u8: scalar(1, "i32"),
  s16: scalar(2, "i32"),
  u16: scalar(2, "i32"),
  s32: scalar(4, "i32"),
  u32: scalar(4, "i32"),
  s64: scalar(8, "i64"),
  u64: scalar(8, "i64"),
  f32: scalar(4, "f32"),
  f64: scalar(8, "f64"),
  string: pointerAndLength,
  bytes: pointerAndLength,
  list: pointerAndLength,
  set: pointerAndLength,
  map: pointerAndLength,
};

/**
 * Layouts and flattenings of one interface, in which named types are looked up. Each class is laid out once, however
 * often and deep other classes contain it, so that the whole is linear in the interface.
 */
export class CanonicalAbi {
  readonly #fields = new Map<string, readonly ValueType[]>();
  readonly #members = new Map<string, number>();
  readonly #records = new Map<string, TupleLayout>();
  readonly #flatCounts = new Map<string, number>();

  constructor(app: Pick<AppInterface, "records" | "enums">) {
    for (const record of app.records)
      this.#fields.set(
        record.name,
        record.fields.map((field) => field.type),
      );
    for (const one of app.enums) this.#members.set(one.name, one.members.length);
  }

  /** Size and alignment of a value of `type`. */
  layout(type: ValueType): Layout {
    switch (type.kind) {
      case "option": {
        const { size, align } = this.layout(type.value);
        return { size: alignTo(alignTo(1, align) + size, align), align };
      }
      case "record":
        return this.record(type.name);
      case "enum": {
        const size = this.enumSize(type.name);
        return { size, align: size };
      }
      default:
        return leaves[type.kind];
    }
  }

  /** Layout of the class `name` with the offset of each field. */
  record(name: string): TupleLayout {
    let layout = this.#records.get(name);
    if (layout === undefined) {
      layout = this.tuple(this.#fieldTypes(name));
      this.#records.set(name, layout);
    }
    return layout;
  }

  /** Layout of values one after the other: a record's fields, a tuple, parameters in memory. */
  tuple(types: readonly ValueType[]): TupleLayout {
    let size = 0;
    let align = 1;
    const offsets: number[] = [];
    for (const type of types) {
      const layout = this.layout(type);
      size = alignTo(size, layout.align);
      offsets.push(size);
      size += layout.size;
      align = Math.max(align, layout.align);
    }
    return { size: alignTo(size, align), align, offsets };
  }

  /** Where the value of an `option<type>` lies, behind its discriminant. */
  payloadOffset(type: ValueType): number {
    return alignTo(1, this.layout(type).align);
  }

  /** Bytes of an enum's discriminant. */
  enumSize(name: string): number {
    const count = this.#members.get(name) ?? missing(name);
    return count <= 0x100 ? 1 : count <= 0x10000 ? 2 : 4;
  }

  /** How many core values {@link flatten} gives; cheap however many these are. */
  flatCount(type: ValueType): number {
    switch (type.kind) {
      case "option":
        return 1 + this.flatCount(type.value);
      case "record": {
        let count = this.#flatCounts.get(type.name);
        if (count === undefined) {
          count = this.#fieldTypes(type.name).reduce((sum, field) => sum + this.flatCount(field), 0);
          this.#flatCounts.set(type.name, count);
        }
        return count;
      }
      case "enum":
        return 1;
      default:
        return leaves[type.kind].flat.length;
    }
  }

  /** Core values of a value of `type`; as long as {@link flatCount} says. */
  flatten(type: ValueType): readonly CoreType[] {
    switch (type.kind) {
      case "option":
        return ["i32", ...this.flatten(type.value)];
      case "record":
        return this.#fieldTypes(type.name).flatMap((field) => this.flatten(field));
      case "enum":
        return ["i32"];
      default:
        return leaves[type.kind].flat;
    }
  }

  #fieldTypes(name: string): readonly ValueType[] {
    return this.#fields.get(name) ?? missing(name);
  }
}

/**
 * The core types of the function that a core module exports for `fn` (CanonicalABI.md, "flatten_functype" of lifted
 * functions).
 */
export function coreSignature(fn: FunctionType, abi: CanonicalAbi): CoreSignature {
  const [parameters, results] = [parameterTypes(fn), resultTypes(fn)];
  const flat = (types: readonly ValueType[], most: number): readonly CoreType[] => {
    const count = types.reduce((sum, type) => sum + abi.flatCount(type), 0);
    return count > most ? ["i32"] : types.flatMap((type) => abi.flatten(type));
  };
  return { parameters: flat(parameters, maxFlatParameters), results: flat(results, maxFlatResults) };
}

/** Types of the values that cross into `fn`, in order: `self` first, a parameter with a default as an option. */
export function parameterTypes(fn: FunctionType): ValueType[] {
  const types: ValueType[] = fn.self === undefined ? [] : [{ kind: "record", name: fn.self }];
  for (const { type, default: fallback } of fn.parameters) {
    types.push(fallback === undefined ? type : { kind: "option", value: type });
  }
  return types;
}

/** Types of the values that cross out of `fn`: none, one, or `self` and the result as a tuple of two. */
export function resultTypes(fn: FunctionType): ValueType[] {
  const types: ValueType[] = fn.self === undefined ? [] : [{ kind: "record", name: fn.self }];
  return fn.result === null ? types : [...types, fn.result];
}

/** `offset` rounded up to a multiple of `align`. */
function alignTo(offset: number, align: number): number {
  return Math.ceil(offset / align) * align;
}

function missing(name: string): never {
  throw new RangeError(`the interface has no type named ${name}`);
}
