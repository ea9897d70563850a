// The types of one interface, as lowering and lifting share them: layouts, records and enums by name.
import { CanonicalAbi } from "../../interface/layout.js";
import type { AppInterface, Field, ValueType } from "../../interface/model.js";
import type { Lifter, Lowerer } from "./codec.js";

/**
 * Named types and layouts of one app's interface. Lowerers and lifters of named types are made once and shared: where
 * classes hold each other several times, one for each use would be thousands.
 */
export class TypeTable {
  readonly abi: CanonicalAbi;
  /** By type name, added when first used. */
  readonly lowerers = new Map<string, Lowerer>();
  readonly lifters = new Map<string, Lifter>();
  readonly #records: ReadonlyMap<string, readonly Field[]>;
  readonly #enums: ReadonlyMap<string, readonly string[]>;

  constructor(app: Pick<AppInterface, "records" | "enums">) {
    this.abi = new CanonicalAbi(app);
    this.#records = new Map(app.records.map(({ name, fields }) => [name, fields]));
    this.#enums = new Map(app.enums.map(({ name, members }) => [name, members.map((member) => member.name)]));
  }

  /** Fields of record `name` with their offsets. */
  fields(name: string): { readonly field: Field; readonly offset: number }[] {
    const fields = this.#records.get(name) ?? [];
    const { offsets } = this.abi.record(name);
    return fields.map((field, index) => ({ field, offset: offsets[index] ?? 0 }));
  }

  /** Member names of enum `name`. */
  members(name: string): readonly string[] {
    return this.#enums.get(name) ?? [];
  }

  /** Offset of an option's payload, behind its discriminant. */
  payloadOffset(type: ValueType): number {
    return this.abi.payloadOffset(type);
  }

  /** Scalar kind of an enum's discriminant. */
  discriminant(name: string): "u8" | "u16" | "u32" {
    const size = this.abi.enumSize(name);
    return size === 1 ? "u8" : size === 2 ? "u16" : "u32";
  }
}
