// A component read all the way in this process: prepared, described, instantiated, bound, and one function called,
// which cannot hang it.

import assert from "node:assert/strict";
import { Script } from "node:vm";
import { Examples } from "../../runtime/interface/example.js";
import { exportedInterface } from "../../runtime/interface/model.js";
import { FunctionBinding } from "../../runtime/sandbox/binding/function-binding.js";
import { Heap, InvalidPointer } from "../../runtime/sandbox/binding/heap.js";
import { TypeTable } from "../../runtime/sandbox/binding/types.js";
import { prepare } from "../../runtime/sandbox/prepare/prepare.js";
import type { PreparedRevision } from "../../runtime/sandbox/prepared-revision.js";
import { guestFailure } from "../../runtime/sandbox/thread/guest-failure.js";
import { Instance } from "../../runtime/sandbox/thread/instance.js";
import { type WasmFunction, type WasmMemory, webAssembly } from "../../runtime/sandbox/web-assembly.js";
import { HerdError } from "../../src/core/errors.js";
import { openApi } from "../../src/server/views/app-openapi.js";

const limits = { memoryBytes: 16 * 65_536 };
/** A guest may run for ever: it is given so long. What the host does meanwhile is given ten times as much. */
const guestMs = 100;

const host = {
  nodeName: "fuzz",
  now: () => 1_700_000_000_000,
  monotonicNs: () => 1n,
  fillRandom: (bytes: Uint8Array) => void bytes.fill(0),
  log: () => undefined,
  logUnits: () => 100,
};

/**
 * Throws what looking at `component` and one call of its function `chosen` (counted round) throws; a call that does not
 * end in time counts as one that did.
 */
export async function readWhole(
  component: Uint8Array,
  { chosen, onPrepared }: { chosen: number; onPrepared?(prepared: PreparedRevision): void },
): Promise<PreparedRevision> {
  const prepared = await prepare(component, { revision: "r", limits });
  onPrepared?.(prepared);
  const { interface: app } = prepared;
  JSON.stringify(openApi({ app: "a", revision: "r", revisions: [], public: true }, app, "https://localhost"));
  const type = app.functions[chosen % Math.max(1, app.functions.length)];
  const types = new TypeTable(app);
  const bindings = app.functions.map((one) => new FunctionBinding(one, { types, resultBytes: 100_000 }));
  const instance = bounded(() => new Instance(prepared, host), { isGuest: () => true });
  const binding = bindings.find((one) => one.type === type);
  if (instance === undefined || type === undefined || binding === undefined) return prepared;
  const given = binding.read(JSON.stringify(new Examples(app).arguments(type) ?? []), "json");
  const watched = watch(instance, type.wit);
  try {
    const result = bounded(() => binding.call(watched, given), watched);
    if (typeof result === "string") JSON.parse(result);
  } catch (error) {
    assert.ok(isGuestFault(error), `the host failed: ${error instanceof Error ? error.stack : String(error)}`);
    throw guestFailure(error, instance);
  }
  instance.reset();
  return prepared;
}

/** What a guest does to itself; all else that ends a call is a defect of the host. */
function isGuestFault(error: unknown): boolean {
  const { Exception } = webAssembly as unknown as { readonly Exception: abstract new () => object };
  const kinds = [HerdError, InvalidPointer, webAssembly.RuntimeError, RangeError, Exception];
  return kinds.some((kind) => error instanceof kind);
}

/** What a call needs of an instance, and whether its guest is what runs. */
function watch(instance: Instance, wit: string): { heap: Heap; core: WasmFunction; isGuest(): boolean } {
  let depth = 0;
  const within =
    (fn: WasmFunction): WasmFunction =>
    (...values) => {
      depth++;
      const result = fn(...values);
      depth--;
      return result;
    };
  const { memory, cabi_realloc: realloc, [`${exportedInterface}#${wit}`]: core } = instance.exports;
  return {
    heap: new Heap(memory as WasmMemory, { realloc: within(realloc as WasmFunction) }),
    core: within(core as WasmFunction),
    isGuest: () => depth > 0,
  };
}

const slot = globalThis as { herdFuzzed?: () => unknown };
const script = new Script("herdFuzzed()");

/** What `work` returns; undefined when its guest took too long. Throws when the host did. */
function bounded<T>(work: () => T, { isGuest }: { isGuest(): boolean }): T | undefined {
  slot.herdFuzzed = work;
  for (const timeout of [guestMs, 10 * guestMs]) {
    try {
      return script.runInThisContext({ timeout }) as T;
    } catch (error) {
      if ((error as { code?: unknown }).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
      if (isGuest()) return undefined;
    }
  }
  throw new Error("the host hangs");
}
