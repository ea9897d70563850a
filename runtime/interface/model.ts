// The interface of an app: the types that cross between guest and host, under the names of its source.

/** Scalars, by their Component-Model names. */
export type ScalarKind = "bool" | "s8" | "s16" | "s32" | "s64" | "u8" | "u16" | "u32" | "u64" | "f32" | "f64";

/**
 * A type that can cross. In the Component Model: `bytes` is `list<u8>`, `list` and `set` are `list<T>`, `map` is
 * `list<tuple<string, T>>`, `option` is `option<T>`, `record` and `enum` are named types of the same interface.
 */
export type ValueType =
  | { readonly kind: ScalarKind }
  | { readonly kind: "string" }
  | { readonly kind: "bytes" }
  | { readonly kind: "list"; readonly element: ValueType }
  | { readonly kind: "set"; readonly element: ValueType }
  | { readonly kind: "map"; readonly value: ValueType }
  | { readonly kind: "option"; readonly value: ValueType }
  | { readonly kind: "record"; readonly name: string }
  | { readonly kind: "enum"; readonly name: string };

/** A named value: a record's field. `wit` is its unique kebab-case name in WIT. */
export interface Field {
  readonly name: string;
  readonly wit: string;
  readonly type: ValueType;
  readonly doc?: string;
}

/**
 * A function's parameter. With a `default` (the source text of its expression) it crosses as `option<type>`, and `none`
 * makes the guest take the default. Without one, a trailing parameter of kind `option` may be left out too.
 */
export interface Parameter extends Field {
  readonly default?: string;
}

/**
 * A callable export. `name` is `add`, or `Class.method`. With `self`, it is an instance method: a first parameter
 * `self` of that record comes before `parameters`, and it returns `tuple<self, result>`, or `self` alone when `result`
 * is null. The core module exports it as `herd:app/functions#{wit}` (canonical ABI, UTF-16).
 */
export interface FunctionType {
  readonly name: string;
  readonly wit: string;
  readonly parameters: readonly Parameter[];
  /** `null` for void. */
  readonly result: ValueType | null;
  /** Name of the record that is `this`. */
  readonly self?: string;
  readonly doc?: string;
}

/** An exported class, as the values of its fields. */
export interface RecordType {
  readonly name: string;
  readonly wit: string;
  readonly fields: readonly Field[];
  readonly doc?: string;
}

/** An exported enum; a member crosses as its index in `members`. */
export interface EnumType {
  readonly name: string;
  readonly wit: string;
  readonly members: readonly { readonly name: string; readonly wit: string; readonly doc?: string }[];
  readonly doc?: string;
}

/** Everything that an app exports. Stored as JSON in the component's custom section `herd:interface`. */
export interface AppInterface {
  readonly version: 1;
  readonly functions: readonly FunctionType[];
  readonly records: readonly RecordType[];
  readonly enums: readonly EnumType[];
}

/** Name of the WIT interface that an app's component exports; its core exports are `{exportedInterface}#{wit}`. */
export const exportedInterface = "herd:app/functions";
