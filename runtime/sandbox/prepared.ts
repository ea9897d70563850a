// A revision as the preparer makes it and the threads run it.
import type { AppInterface } from "../interface/model.js";
import type { WasmModule } from "./web-assembly.js";

/** One revision, ready to run: immutable, shared by all workers. */
export interface Prepared {
  readonly revision: string;
  readonly module: WasmModule;
  readonly interface: AppInterface;
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
