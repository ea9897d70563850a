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
  /** The global that counts the guest's pages, where growth is reset; see `growth.ts`. */
  readonly pagesGlobal?: number;
  /** Linear memory at the start. */
  readonly memoryBytes: number;
  /** Bytes of the interface as text: the memory of its bindings grows with it. */
  readonly interfaceBytes: number;
  /** Maps a trap's stack to a place in the source, when the component carries one. */
  readonly places?: TrapPlaces;
}

/** A core function that a module imports. */
export interface CoreImport {
  readonly module: string;
  readonly field: string;
}

/** A component's places, and where the code to which they count begins in the compiled bytes. */
export interface TrapPlaces {
  readonly section: Uint8Array;
  readonly codeStart: number;
  /** Where the compiled code stands in the component's, by ascending offset from `codeStart`. */
  readonly shifts: readonly CodeShift[];
}

/** From `offset` on, bytes stand `moved` further than in the component. */
export interface CodeShift {
  readonly offset: number;
  readonly moved: number;
}

/** Prefix of exports that the host adds: mutable global `n` is `herd:global:{n}`. */
export const globalExportPrefix = "herd:global:";
