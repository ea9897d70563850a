// Scalars: JSON value → core value with its checks, core value → JSON text.
import type { ScalarKind } from "../../interface/model.js";
import type { CoreValue } from "../web-assembly.js";
import type { Heap } from "./heap.js";
import { mismatch } from "./mismatch.js";

interface IntegerRange {
  readonly min: number;
  readonly max: number;
}

const ranges = {
  s8: { min: -0x80, max: 0x7f },
  u8: { min: 0, max: 0xff },
  s16: { min: -0x8000, max: 0x7fff },
  u16: { min: 0, max: 0xffff },
  s32: { min: -0x8000_0000, max: 0x7fff_ffff },
  u32: { min: 0, max: 0xffff_ffff },
} as const satisfies Partial<Record<ScalarKind, IntegerRange>>;

const bigRanges = {
  s64: { min: -(2n ** 63n), max: 2n ** 63n - 1n },
  u64: { min: 0n, max: 2n ** 64n - 1n },
} as const;

const decimal = /^-?(0|[1-9][0-9]{0,19})$/;
const notFinite = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
]);

/** A function that turns a JSON value into the core value of a `kind`, or throws a Mismatch. */
export function scalarLowerer(kind: ScalarKind): (value: unknown) => CoreValue {
  switch (kind) {
    case "bool":
      return (value) => (value === true ? 1 : value === false ? 0 : mismatch("true or false", value));
    case "f32":
    case "f64":
      return lowerFloat;
    case "s64":
    case "u64":
      return bigLowerer(kind);
    default:
      return integerLowerer(ranges[kind]);
  }
}

function integerLowerer({ min, max }: IntegerRange): (value: unknown) => number {
  const expected = `an integer from ${min} to ${max}`;
  return (value) => {
    if (typeof value === "number" && value >= min && value <= max && Math.floor(value) === value) return value;
    return mismatch(expected, value);
  };
}

function bigLowerer(kind: "s64" | "u64"): (value: unknown) => bigint {
  const { min, max } = bigRanges[kind];
  const expected = `an integer from ${min} to ${max} (beyond ±9007199254740991 as a decimal string)`;
  return (value) => {
    // A literal beyond 2^53 lost digits when it was parsed: it is refused, since another number would be computed with.
    const exact =
      (typeof value === "number" && Number.isSafeInteger(value)) || (typeof value === "string" && decimal.test(value));
    if (!exact) mismatch(expected, value);
    const big = BigInt(value as number | string);
    return big >= min && big <= max ? big : mismatch(expected, value);
  };
}

function lowerFloat(value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  const special = typeof value === "string" ? notFinite.get(value) : undefined;
  return special ?? mismatch('a number, "NaN", "Infinity" or "-Infinity"', value);
}

/**
 * A function that turns a core value of a `kind` into JSON text (canonical ABI: high bits of small integers are
 * dropped).
 */
export function scalarLifter(kind: ScalarKind): (value: CoreValue) => string {
  switch (kind) {
    case "bool":
      return (value) => (value === 0 ? "false" : "true");
    case "s8":
      return (value) => `${(Number(value) << 24) >> 24}`;
    case "u8":
      return (value) => `${Number(value) & 0xff}`;
    case "s16":
      return (value) => `${(Number(value) << 16) >> 16}`;
    case "u16":
      return (value) => `${Number(value) & 0xffff}`;
    case "s32":
      return (value) => `${Number(value) | 0}`;
    case "u32":
      return (value) => `${Number(value) >>> 0}`;
    case "s64":
      return (value) => bigText(BigInt.asIntN(64, BigInt(value)));
    case "u64":
      return (value) => bigText(BigInt.asUintN(64, BigInt(value)));
    default:
      return (value) => floatText(value as number);
  }
}

function bigText(value: bigint): string {
  const exact = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
  return exact ? value.toString() : `"${value}"`;
}

function floatText(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`;
  return value === 0 && 1 / value < 0 ? "-0" : `${value}`;
}

const arrays = {
  s8: Int8Array,
  u8: Uint8Array,
  s16: Int16Array,
  u16: Uint16Array,
  s32: Int32Array,
  u32: Uint32Array,
  f32: Float32Array,
  f64: Float64Array,
} as const;

/**
 * A function that turns numbers in memory into JSON texts with commas between, as {@link scalarLifter} would one by
 * one; undefined for numbers of which one is not finite, or is minus zero. There is none for kinds that no array of
 * JavaScript numbers holds. `JSON.stringify` of an array takes half as long as a text for each number.
 */
export function numberReader(
  kind: string,
): ((heap: Heap, at: { readonly address: number; readonly length: number }) => string | undefined) | undefined {
  if (!Object.hasOwn(arrays, kind)) return undefined;
  const Numbers = arrays[kind as keyof typeof arrays];
  return (heap, { address, length }) => {
    const values = new Numbers(heap.bytes.buffer as ArrayBuffer, address, length);
    const numbers: number[] = [];
    for (let index = 0; index < length; index++) {
      const value = values[index] ?? 0;
      if (!Number.isFinite(value) || Object.is(value, -0)) return undefined;
      numbers.push(value);
    }
    return JSON.stringify(numbers).slice(1, -1);
  };
}

/** Writes a core value of a `kind` into memory. */
export function scalarStore(kind: ScalarKind): (view: DataView, address: number, value: CoreValue) => void {
  switch (kind) {
    case "s64":
    case "u64":
      return (view, address, value) => view.setBigInt64(address, value as bigint, true);
    case "f32":
      return (view, address, value) => view.setFloat32(address, value as number, true);
    case "f64":
      return (view, address, value) => view.setFloat64(address, value as number, true);
    case "s32":
    case "u32":
      return (view, address, value) => view.setInt32(address, value as number, true);
    case "s16":
    case "u16":
      return (view, address, value) => view.setInt16(address, value as number, true);
    default:
      return (view, address, value) => view.setInt8(address, value as number);
  }
}

/** Reads a core value of a `kind` from memory. */
export function scalarLoad(kind: ScalarKind): (view: DataView, address: number) => CoreValue {
  switch (kind) {
    case "s64":
    case "u64":
      return (view, address) => view.getBigInt64(address, true);
    case "f32":
      return (view, address) => view.getFloat32(address, true);
    case "f64":
      return (view, address) => view.getFloat64(address, true);
    case "s32":
    case "u32":
      return (view, address) => view.getInt32(address, true);
    case "s16":
    case "u16":
      return (view, address) => view.getInt16(address, true);
    default:
      return (view, address) => view.getInt8(address);
  }
}
