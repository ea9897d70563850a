// From a core module to the artifact: a component that any Component-Model tool reads.
import { componentEmbed, componentNew } from "@bytecodealliance/jco-transpile/wasm-tools";
import type { AppInterface } from "../interface/model.js";
import { appendInterface } from "../interface/section.js";
import { hostInterfaces, interfaceWit } from "../interface/wit.js";

/** An import of a core module. */
export interface CoreImport {
  readonly module: string;
  readonly name: string;
}

interface WebAssemblyApi {
  readonly Module: (new (core: Uint8Array) => object) & { imports(module: object): CoreImport[] };
}

/** What `core` imports. */
export function coreImports(core: Uint8Array): CoreImport[] {
  // The types of the engine's own WebAssembly come only with the DOM library.
  const { Module } = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;
  return Module.imports(new Module(core));
}

/** Those of `imports` that no host interface has, as `module.name`, or by the name alone that AssemblyScript's library gives them. */
export function foreignImports(imports: readonly CoreImport[]): string[] {
  return imports
    .filter((one) => hostInterfaces[one.module] === undefined)
    .map((one) => (one.module === "env" ? one.name : `${one.module}.${one.name}`));
}

/** The component of `core` (canonical ABI, UTF-16), with its interface inside. It imports what `core` uses, and no more. */
export async function buildComponent(core: Uint8Array, app: AppInterface): Promise<Uint8Array> {
  const imports = [...new Set(coreImports(core).map((one) => one.module))];
  const witSource = interfaceWit(app, imports);
  const embedded = await componentEmbed({ binary: core, witSource, stringEncoding: "utf16", world: "app" });
  return appendInterface(await componentNew(embedded, []), app);
}
