// Components from WebAssembly text: for modules that no compiler would emit.
import binaryen from "assemblyscript/binaryen";
import {
  type AppInterface,
  exportedInterface,
  type FunctionType,
  type ValueType,
} from "../../../runtime/interface/model.js";
import { appendInterface } from "../../../runtime/interface/section.js";

/** The binary of `text`, with every proposal that the engines of all supported versions of Node know. */
export function core(text: string): Uint8Array {
  const module = binaryen.parseText(text);
  try {
    module.setFeatures(binaryen.Features.All & ~binaryen.Features.GC);
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}

/** A component around a core module, with its interface. */
export function component(module: Uint8Array, app: Partial<AppInterface> = {}): Uint8Array {
  const preamble = Buffer.of(0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00);
  const whole = Buffer.concat([preamble, Buffer.of(1), leb(module.length), module]);
  return appendInterface(whole, { version: 1, functions: [], records: [], enums: [], ...app });
}

/** A function of one i32 parameter `n`. */
export function unary(name: string, result: ValueType | null): FunctionType {
  return { name, wit: name, parameters: [{ name: "n", wit: "n", type: { kind: "s32" } }], result };
}

/**
 * Text of a module with the parts that every guest needs, and `body`; `$` in a function's export stands for the
 * interface.
 */
export function moduleText(body: string, { memory = "1" } = {}): string {
  return `(module
    ${body.replaceAll('"$#', `"${exportedInterface}#`)}
    (memory (export "memory") ${memory})
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096)))`;
}

function leb(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.of(...bytes, rest);
    bytes.push((rest & 0x7f) | 0x80);
  }
}
