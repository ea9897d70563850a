// What a guest's end means to its caller: trap, abort, exhausted memory, overflowed stack.
import { HerdError } from "../../src/core/errors.js";
import type { Heap } from "./binding/heap.js";
import { InvalidPointer } from "./binding/heap.js";
import { type WasmExports, type WasmGlobal, webAssembly } from "./web-assembly.js";

const maxMessageUnits = 4_096;
const maxFileUnits = 256;

/** The HerdError for `error`, which ended a call on the instance with `exports`. */
export function guestFailure(error: unknown, { heap, exports }: { heap: Heap; exports: WasmExports }): HerdError {
  if (error instanceof HerdError) return error;
  if (readNumber(exports, "herd_out_of_memory") === 1) {
    return new HerdError("function.out-of-memory", "the function needs more memory than it may have", { cause: error });
  }
  const abort = readAbort(heap, exports);
  if (abort !== undefined) {
    const extras = abort.where === undefined ? { cause: error } : { cause: error, where: abort.where };
    return new HerdError("function.trapped", abort.detail, extras);
  }
  return new HerdError("function.trapped", trapText(error), { cause: error });
}

function trapText(error: unknown): string {
  // The engine reports an overflowed stack as a RangeError, whichever side was on top of it.
  if (error instanceof RangeError) return "stack overflow";
  if (error instanceof InvalidPointer) return error.message;
  if (error instanceof webAssembly.RuntimeError) return error.message;
  return "the function does not follow its interface";
}

/** What a guest's `abort` stored before it trapped; the memory may be in any state, so nothing here throws. */
function readAbort(heap: Heap, exports: WasmExports): { detail: string; where?: string } | undefined {
  const line = readNumber(exports, "herd_abort_line");
  const message = readText(heap, { pointer: readNumber(exports, "herd_abort_message"), maxUnits: maxMessageUnits });
  const file = readText(heap, { pointer: readNumber(exports, "herd_abort_file"), maxUnits: maxFileUnits });
  if (line === 0 && message === undefined && file === undefined) return undefined;
  const detail = message === undefined || message === "" ? "aborted" : message;
  if (file === undefined) return { detail };
  return { detail, where: `${file}:${line}:${readNumber(exports, "herd_abort_column")}` };
}

/** An AssemblyScript string: UTF-16 at the pointer, its byte length in the four bytes before. */
function readText(heap: Heap, { pointer, maxUnits }: { pointer: number; maxUnits: number }): string | undefined {
  const { bytes, view } = heap;
  if (pointer < 4 || pointer % 2 !== 0 || pointer > bytes.length) return undefined;
  const units = view.getUint32(pointer - 4, true) >>> 1;
  if (pointer + units * 2 > bytes.length) return undefined;
  const kept = heap.text(pointer, Math.min(units, maxUnits));
  return units > maxUnits ? `${kept}…` : kept;
}

/** 0 for an export that is no number: a vector's value cannot even be read. */
function readNumber(exports: WasmExports, name: string): number {
  try {
    const value = (exports[name] as WasmGlobal | undefined)?.value;
    return typeof value === "number" ? value >>> 0 : 0;
  } catch {
    return 0;
  }
}
