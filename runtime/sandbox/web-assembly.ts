// The part of the WebAssembly JavaScript API that the sandbox uses. TypeScript declares it only in the DOM library.

/** Bytes of a page of linear memory. */
export const pageBytes = 65_536;

/** A core value as it crosses between JavaScript and Wasm: i64 is a bigint, all else a number. */
export type CoreValue = number | bigint;

/** A compiled module; it may be posted to another thread without compiling again. */
export interface WasmModule {
  readonly __wasmModule?: never;
}

/** An exported linear memory; its buffer is replaced when it grows. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

/** An exported global. */
export interface WasmGlobal {
  value: CoreValue;
}

/** A core function, exported or imported. */
export type WasmFunction = (...values: CoreValue[]) => CoreValue | undefined;

/** Exports of an instance, by name. The reader checks their kinds. */
export type WasmExports = Readonly<Record<string, unknown>>;

/** Functions for a module's imports, by module and field. */
export type WasmImports = Record<string, Record<string, WasmFunction>>;

interface WebAssemblyApi {
  readonly Instance: new (module: WasmModule, imports: WasmImports) => { readonly exports: WasmExports };
  readonly Memory: abstract new () => WasmMemory;
  readonly Module: (new (
    bytes: Uint8Array,
  ) => WasmModule) & {
    exports(module: WasmModule): { readonly name: string; readonly kind: string }[];
  };
  /** Whether `bytes` are a valid module. */
  validate(bytes: Uint8Array): boolean;
  readonly RuntimeError: new (message?: string) => Error;
}

/** The engine's WebAssembly namespace. */
export const webAssembly = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;
