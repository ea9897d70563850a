// Hostile components by their bytes: sections that no tool would write.
import { leb128 } from "../../runtime/interface/binary.js";

/** A section with its id and length. */
export function section(id: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.of(id), leb128(length), ...parts]);
}

/** A vector of `count` times the same entry. */
export function repeated(entry: Uint8Array, count: number): Buffer {
  return Buffer.concat([leb128(count), Buffer.alloc(entry.length * count, entry)]);
}

/** A core module of those sections. */
export function coreModule(sections: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0), ...sections]);
}

/** A core module with a memory and nothing else that a guest needs. */
export function bareModule(): Buffer {
  return coreModule([section(5, Buffer.of(1, 0, 1)), section(7, Buffer.of(1, 1, 0x61, 2, 0))]);
}

const noInterface = Buffer.from('{"version":1,"functions":[],"records":[],"enums":[]}');

/** A component around a core module with any bytes as its interface, and other sections before. */
export function wrapped(
  module: Uint8Array,
  { interface: text = noInterface, before = [] }: { interface?: Uint8Array; before?: readonly Uint8Array[] } = {},
): Buffer {
  const label = Buffer.from("herd:interface");
  return Buffer.concat([
    Buffer.of(0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00),
    ...before,
    section(1, module),
    section(0, leb128(label.length), label, text),
  ]);
}

/** A component whose code takes a while to be looked at: functions of nothing but `nop`. */
export function tedious(functions: number): Buffer {
  const body = section(0, Buffer.concat([Buffer.of(0), Buffer.alloc(2_000_000, 1), Buffer.of(0x0b)])).subarray(1);
  const code = section(10, repeated(body, functions));
  const types = section(1, Buffer.of(1, 0x60, 0, 0));
  const memory = [section(5, Buffer.of(1, 0, 1)), section(7, Buffer.of(1, 1, 0x61, 2, 0))];
  return wrapped(coreModule([types, section(3, repeated(Buffer.of(0), functions)), ...memory, code]));
}
