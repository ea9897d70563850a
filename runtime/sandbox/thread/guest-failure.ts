// Failures of a guest as errors for its caller: trap, abort, exhausted memory, overflowed stack.
import { type ErrorExtras, HerdError } from "../../../src/core/errors.js";
import type { Heap } from "../binding/heap.js";
import { InvalidPointer } from "../binding/heap.js";
import type { PreparedRevision } from "../prepared-revision.js";
import { type WasmExports, type WasmGlobal, webAssembly } from "../web-assembly.js";
import { trapPlace } from "./trap-place.js";

const maxMessageUnits = 4_096;
const maxFileUnits = 256;

/** The part of an instance that its failures are read from. */
interface FailedInstance {
  readonly heap: Heap;
  readonly exports: WasmExports;
  readonly prepared: Pick<PreparedRevision, "places">;
}

/**
 * The HerdError for `error`, which ended a call on an instance. Its `where` is in the user's own sources when that is
 * known.
 */
export function guestFailure(error: unknown, { heap, exports, prepared }: FailedInstance): HerdError {
  if (error instanceof HerdError) return error;
  if (readNumber(exports, "herd_out_of_memory") === 1) {
    const detail = "the function needs more memory than it may have";
    return new HerdError("function.out-of-memory", detail, extras(error, trapPlace(error, prepared.places)));
  }
  const abort = readAbort(heap, exports);
  // An abort names its file: the library's own checks name the library's.
  const own = abort?.where === undefined || abort.isLibrary ? trapPlace(error, prepared.places) : undefined;
  return new HerdError("function.trapped", abort?.detail ?? trapText(error), extras(error, own ?? abort?.where));
}

function extras(cause: unknown, where: string | undefined): ErrorExtras {
  return where === undefined ? { cause } : { cause, where };
}

function trapText(error: unknown): string {
  // The engine reports an overflowed stack as a RangeError, whether host or guest code was on top.
  if (error instanceof RangeError) return "stack overflow";
  if (error instanceof InvalidPointer) return error.message;
  if (error instanceof webAssembly.RuntimeError) return error.message;
  return "the function does not follow its interface";
}

interface Abort {
  readonly detail: string;
  readonly where?: string;
  readonly isLibrary: boolean;
}

/**
 * Reads the values that a guest's `abort` stored before it trapped. The memory may be in any state, so nothing here
 * throws.
 */
function readAbort(heap: Heap, exports: WasmExports): Abort | undefined {
  const line = readNumber(exports, "herd_abort_line");
  const message = readText(heap, { pointer: readNumber(exports, "herd_abort_message"), maxUnits: maxMessageUnits });
  const file = readText(heap, { pointer: readNumber(exports, "herd_abort_file"), maxUnits: maxFileUnits });
  if (line === 0 && message === undefined && file === undefined) return undefined;
  const detail = message === undefined || message === "" ? "aborted" : message;
  if (file === undefined) return { detail, isLibrary: false };
  const isLibrary = file.startsWith("~lib/") || file.startsWith("herd:");
  return { detail, isLibrary, where: `${file}:${line}:${readNumber(exports, "herd_abort_column")}` };
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

/** The number of an export; 0 when it is no number: a vector's value cannot even be read. */
function readNumber(exports: WasmExports, name: string): number {
  try {
    const value = (exports[name] as WasmGlobal | undefined)?.value;
    return typeof value === "number" ? value >>> 0 : 0;
  } catch {
    return 0;
  }
}
