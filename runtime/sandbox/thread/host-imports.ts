// The host functions as a guest calls them: one implementation for each of `hostFunctions`.
import type { Heap } from "../binding/heap.js";
import { type HostFunctionName, hostFunctionName, type LogLevel, logLevels } from "../host-functions.js";
import type { CoreImport } from "../prepared-revision.js";
import type { WasmFunction, WasmImports } from "../web-assembly.js";

/** Services of the host for guests: time, randomness, its name and a log. */
export interface Host {
  readonly nodeName: string;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Nanoseconds that never go back. */
  monotonicNs(): bigint;
  /** Fills `bytes` with random bytes fit for secrets. */
  fillRandom(bytes: Uint8Array): void;
  /** Takes one log line. */
  log(level: LogLevel, message: string): void;
  /** UTF-16 units of a log line that are worth reading now; 0 when lines are only counted. */
  logUnits(): number;
}

/** The instance that imports serve, as far as they use it. */
export interface Importer {
  readonly heap: Heap;
  /** Set by a function whose answer differs from call to call: a snapshot of such an instance must not be reused. */
  sawOutside: boolean;
}

type ImportMaker = (importer: Importer, host: Host) => WasmFunction;

const makers: Readonly<Record<HostFunctionName, ImportMaker>> = {
  "wasi:clocks/wall-clock now": (importer, host) => (pointer) => {
    importer.sawOutside = true;
    const { heap } = importer;
    const ms = host.now();
    const at = heap.range(Number(pointer), { bytes: 16, align: 8 });
    const seconds = Math.floor(ms / 1_000);
    heap.view.setBigUint64(at, BigInt(seconds), true);
    heap.view.setUint32(at + 8, Math.floor((ms - seconds * 1_000) * 1e6), true);
    return undefined;
  },
  "wasi:clocks/monotonic-clock now": (importer, host) => () => {
    importer.sawOutside = true;
    return host.monotonicNs();
  },
  "wasi:random/random get-random-u64": (importer, host) => {
    const word = new BigInt64Array(1);
    const bytes = new Uint8Array(word.buffer);
    return () => {
      importer.sawOutside = true;
      host.fillRandom(bytes);
      return word[0] ?? 0n;
    };
  },
  "wasi:random/random get-random-bytes": (importer, host) => (length, pointer) => {
    importer.sawOutside = true;
    const { heap } = importer;
    const count = Number(BigInt.asUintN(64, BigInt(length ?? 0)));
    const at = heap.allocate(count, 1);
    host.fillRandom(new Uint8Array(heap.view.buffer, at, count));
    writePair(heap, { pointer: Number(pointer), at, length: count });
    return undefined;
  },
  "herd:host/log write": (importer, host) => (level, pointer, length) => {
    const { heap } = importer;
    const units = Number(length) >>> 0;
    const at = heap.range(Number(pointer), { bytes: units * 2, align: 2 });
    const kept = Math.min(units, host.logUnits());
    host.log(logLevels[Number(level)] ?? "info", kept === 0 ? "" : heap.text(at, kept));
    return undefined;
  },
  "herd:host/node name": (importer, host) => (pointer) => {
    const { heap } = importer;
    const name = host.nodeName;
    const at = heap.allocate(name.length * 2, 2);
    heap.writeText(at, name);
    writePair(heap, { pointer: Number(pointer), at, length: name.length });
    return undefined;
  },
};

function writePair(heap: Heap, { pointer, at, length }: { pointer: number; at: number; length: number }): void {
  const result = heap.range(pointer, { bytes: 8, align: 4 });
  heap.view.setUint32(result, at, true);
  heap.view.setUint32(result + 4, length, true);
}

/** Functions for `imports`, all bound to one instance. */
export function makeImports(
  imports: readonly CoreImport[],
  { importer, host }: { importer: Importer; host: Host },
): WasmImports {
  const made: WasmImports = {};
  for (const one of imports) {
    const name = hostFunctionName(one);
    if (name === undefined) continue;
    made[one.module] ??= {};
    Object.assign(made[one.module] ?? {}, { [one.field]: makers[name](importer, host) });
  }
  return made;
}
