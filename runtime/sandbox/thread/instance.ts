// An instance: made, snapshotted once, and reset to the snapshot after each call.
import { HerdError } from "../../../src/core/errors.js";
import { exportedInterface } from "../../interface/model.js";
import { Heap } from "../binding/heap.js";
import { type PreparedRevision, resetExports } from "../prepared-revision.js";
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

/** One instantiated module. Not pristine from the moment its guest ran until {@link reset} succeeds. */
export class Instance {
  readonly heap: Heap;
  readonly exports: WasmExports;
  /** The revision of the instance. */
  readonly prepared: PreparedRevision;
  /** The memory right after `_initialize`, up to its last byte that is not zero; the globals save themselves. */
  readonly #snapshot: Uint8Array | undefined;
  readonly #restore: WasmFunction | undefined;
  /** The guest's count of its pages, where growth is reset, and that count in the snapshot. */
  readonly #pages: { readonly global: WasmGlobal; readonly first: CoreValue } | undefined;
  /** Calls in a row that left a large memory unused. */
  #unused = 0;
  readonly #functions = new Map<string, { readonly core: WasmFunction; readonly writes: boolean }>();
  /** Whether code ran that may have changed memory. */
  #wrote = false;
  #spoiled = false;

  /** Instantiates and initializes. Throws HerdError when the guest's own start fails or no memory is available. */
  constructor(prepared: PreparedRevision, host: Host) {
    this.prepared = prepared;
    const importer: { heap: Heap | undefined; sawOutside: boolean } = { heap: undefined, sawOutside: false };
    const imports = makeImports(prepared.imports, { importer: importer as Importer, host });
    this.exports = instantiate(prepared, imports);
    if (!(this.exports.memory instanceof webAssembly.Memory))
      throw new HerdError("function.trapped", "the app exports no memory");
    const pages = prepared.countsPages ? (this.exports[resetExports.pages] as WasmGlobal) : undefined;
    this.#restore = this.exports[resetExports.restore] as WasmFunction | undefined;
    const realloc = this.exports.cabi_realloc as WasmFunction;
    this.heap = new Heap(this.exports.memory as WasmMemory, { realloc, pages });
    importer.heap = this.heap;
    try {
      (this.exports._initialize as WasmFunction | undefined)?.();
    } catch (error) {
      throw guestFailure(error, this);
    }
    this.heap.accept();
    const canReset = prepared.resettable && !importer.sawOutside && this.heap.bytes.length <= resetLimitBytes;
    this.#snapshot = canReset ? takeSnapshot(this) : undefined;
    this.#pages = pages && { global: pages, first: pages.value };
  }

  /** The core function for `wit`, which is about to run. */
  core(wit: string): WasmFunction {
    let known = this.#functions.get(wit);
    if (known === undefined) {
      const core = this.exports[`${exportedInterface}#${wit}`] as WasmFunction;
      known = { core, writes: !this.prepared.readers.has(wit) };
      this.#functions.set(wit, known);
    }
    if (known.writes) this.#wrote = true;
    return known.core;
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

  /** Bytes by which the memory is larger than what the module declares, the guest's start included. */
  get grownBytes(): number {
    return this.heap.bytes.length - this.prepared.memoryBytes;
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
    if (this.#wrote || this.heap.hasAllocated) {
      const { bytes } = this.heap;
      bytes.set(this.#snapshot, 0);
      bytes.fill(0, this.#snapshot.length);
    }
    this.#restore?.();
    this.heap.accept();
    this.#wrote = false;
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

/** Saves the globals, copies the memory. Undefined when that cannot be: then each call gets an instance of its own. */
function takeSnapshot({ heap, exports }: Instance): Uint8Array | undefined {
  const { bytes } = heap;
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  try {
    (exports[resetExports.save] as WasmFunction | undefined)?.();
    return new Uint8Array(bytes.subarray(0, end));
  } catch {
    // There is no memory for the copy.
    return undefined;
  }
}
