// An instance: made, snapshotted once, and reset to the snapshot after each call.
import { HerdError } from "../../../src/core/errors.js";
import { exportedInterface } from "../../interface/model.js";
import { Heap } from "../binding/heap.js";
import type { PreparedRevision } from "../prepared-revision.js";
import { globalExportPrefix } from "../prepared-revision.js";
import {
  type CoreValue,
  type WasmExports,
  type WasmFunction,
  type WasmGlobal,
  type WasmMemory,
  webAssembly,
} from "../web-assembly.js";
import { guestFailure } from "./guest-failure.js";
import { type Host, type Importer, makeImports } from "./host-imports.js";

/**
 * Above this first memory size a fresh instance is cheaper: its untouched zero pages cost less than writing zeros.
 * Pages that a guest grew were mostly touched: there a fresh instance costs more.
 */
const resetLimitBytes = 2 * 1024 * 1024;
/** A grown memory above the limit is given back after so many calls in a row that did not need it. */
const unusedCalls = 4;

/** State of an instance's memory and globals right after `_initialize`. */
interface Snapshot {
  /** The memory up to its last byte that is not zero. */
  readonly memory: Uint8Array;
  readonly globals: readonly { readonly global: WasmGlobal; readonly value: CoreValue }[];
}

/** One instantiated module. Not pristine from the moment its guest ran until {@link reset} succeeds. */
export class Instance {
  readonly heap: Heap;
  readonly exports: WasmExports;
  /** The revision of the instance. */
  readonly prepared: PreparedRevision;
  readonly #snapshot: Snapshot | undefined;
  /** The guest's count of its pages, where growth is reset, and that count in the snapshot. */
  readonly #pages: { readonly global: WasmGlobal; readonly first: CoreValue } | undefined;
  readonly #firstBytes: number;
  /** Calls in a row that left a large memory unused. */
  #unused = 0;
  readonly #functions = new Map<string, WasmFunction>();
  #spoiled = false;

  /** Instantiates and initializes. Throws HerdError when the guest's own start fails or no memory is available. */
  constructor(prepared: PreparedRevision, host: Host) {
    this.prepared = prepared;
    const importer: { heap: Heap | undefined; sawOutside: boolean } = { heap: undefined, sawOutside: false };
    const imports = makeImports(prepared.imports, { importer: importer as Importer, host });
    this.exports = instantiate(prepared, imports);
    if (!(this.exports.memory instanceof webAssembly.Memory))
      throw new HerdError("function.trapped", "the app exports no memory");
    const pages = this.exports[`${globalExportPrefix}${prepared.pagesGlobal}`] as WasmGlobal | undefined;
    const realloc = this.exports.cabi_realloc as WasmFunction;
    this.heap = new Heap(this.exports.memory as WasmMemory, { realloc, pages });
    importer.heap = this.heap;
    try {
      (this.exports._initialize as WasmFunction | undefined)?.();
    } catch (error) {
      throw guestFailure(error, this);
    }
    this.heap.acceptSize();
    const canReset = prepared.resettable && !importer.sawOutside && this.heap.bytes.length <= resetLimitBytes;
    this.#snapshot = canReset ? takeSnapshot(this) : undefined;
    this.#pages = pages && { global: pages, first: pages.value };
    this.#firstBytes = this.heap.bytes.length;
  }

  /** The core function for `wit`. */
  core(wit: string): WasmFunction {
    let core = this.#functions.get(wit);
    if (core === undefined) {
      core = this.exports[`${exportedInterface}#${wit}`] as WasmFunction;
      this.#functions.set(wit, core);
    }
    return core;
  }

  /** Marks that this instance must never be reset: its guest trapped. */
  spoil(): void {
    this.#spoiled = true;
  }

  /** Whether {@link reset} will succeed. */
  get isResettable(): boolean {
    if (this.#snapshot === undefined || this.#spoiled) return false;
    return this.#pages === undefined ? !this.heap.hasGrown : this.#unused < unusedCalls;
  }

  /** Bytes by which the memory is larger than a new instance's. */
  get grownBytes(): number {
    return this.heap.bytes.length - this.#firstBytes;
  }

  /** Whether the memory is larger than one that a reset is cheap for. */
  get isLarge(): boolean {
    return this.heap.bytes.length > resetLimitBytes;
  }

  /** Resets memory and globals; false when that is impossible and the instance must be replaced. */
  reset(): boolean {
    const pages = this.#pages;
    if (pages !== undefined && this.isLarge) {
      this.#unused = pages.global.value === pages.first ? this.#unused + 1 : 0;
    }
    if (this.#snapshot === undefined || !this.isResettable) return false;
    const { bytes } = this.heap;
    const { memory, globals } = this.#snapshot;
    bytes.set(memory, 0);
    bytes.fill(0, memory.length);
    for (const { global, value } of globals) global.value = value;
    this.heap.acceptSize();
    return true;
  }
}

function instantiate(prepared: PreparedRevision, imports: ReturnType<typeof makeImports>): WasmExports {
  try {
    return new webAssembly.Instance(prepared.module, imports).exports;
  } catch (cause) {
    // The engine has no type of its own for memory that it could not reserve: it throws a RangeError.
    if (cause instanceof RangeError)
      throw new HerdError("node.unavailable", "no memory for an instance", { cause, retryAfterSeconds: 1 });
    throw new HerdError("function.trapped", "the app failed to start", { cause });
  }
}

/**
 * Undefined when a copy would not restore the instance, or cannot be made: then each call gets an instance of its own.
 */
function takeSnapshot({ heap, exports }: Instance): Snapshot | undefined {
  const { bytes } = heap;
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  try {
    const globals = Object.entries(exports)
      .filter(([name]) => name.startsWith(globalExportPrefix))
      .map(([, value]) => ({ global: value as WasmGlobal, value: (value as WasmGlobal).value }));
    // JavaScript may change the bits of a NaN.
    if (!globals.every(({ value }) => typeof value === "bigint" || (typeof value === "number" && !Number.isNaN(value))))
      return undefined;
    return { memory: new Uint8Array(bytes.subarray(0, end)), globals };
  } catch {
    // A vector has no value in JavaScript, or there is no memory for the copy.
    return undefined;
  }
}
