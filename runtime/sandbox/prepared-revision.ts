// A revision as the preparer makes it and the threads run it.
import type { AppInterface } from "../interface/model.js";
import type { WasmModule } from "./web-assembly.js";

/** A revision that can be called, as far as the node beside its sandbox needs to know. */
export interface CallableRevision {
  readonly revision: string;
  readonly interface: AppInterface;
}

/** One revision, ready to run: immutable, shared by all threads. */
export interface PreparedRevision extends CallableRevision {
  readonly module: WasmModule;
  readonly imports: readonly CoreImport[];
  /** Whether a copy of memory and globals brings an instance back to pristine. */
  readonly resettable: boolean;
  /** Linear memory at the start. */
  readonly memoryBytes: number;
  /** The interface as text: what its bindings take grows with it. */
  readonly interfaceBytes: number;
  /** What tells where a trap was, when the component says. */
  readonly places?: TrapPlaces;
}

/** A core function that a module asks its host for. */
export interface CoreImport {
  readonly module: string;
  readonly field: string;
}

/** A component's places, and where the code that they count from begins in the bytes that the engine compiled. */
export interface TrapPlaces {
  readonly section: Uint8Array;
  readonly codeStart: number;
}

/** Exports whose names begin so are ours: mutable global `n` is `herd:global:{n}`. */
export const globalExportPrefix = "herd:global:";
