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
  /** WIT names of the functions whose code changes no memory. */
  readonly readers: ReadonlySet<string>;
  /** Whether growth is reset too: the guest has its own count of pages, see `growth.ts`. */
  readonly countsPages: boolean;
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

/** Prefix of exports that the host adds. */
export const resetExportPrefix = "herd:reset:";
/** What the host adds to a module that has mutable globals or can grow. */
export const resetExports = {
  /** Saves all mutable globals. */
  save: `${resetExportPrefix}save`,
  /** Sets them back to what was saved. */
  restore: `${resetExportPrefix}restore`,
  /** The guest's count of its pages, where {@link PreparedRevision.countsPages}. */
  pages: `${resetExportPrefix}pages`,
} as const;
