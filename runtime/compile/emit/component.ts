// Makes the component of a core module: the artifact that any Component-Model tool reads.
import { componentEmbed, componentNew } from "@bytecodealliance/jco-transpile/wasm-tools";
import { BinaryReader, leb128, readSections } from "../../interface/binary.js";
import type { AppInterface } from "../../interface/model.js";
import { appendInterface } from "../../interface/section.js";
import { hostInterfaces, interfaceWit } from "../../interface/wit.js";

const preambleBytes = 8;
const customSection = 0;
const memorySection = 5;
/**
 * Pages of 64 KiB: room for the arguments and garbage of a usual call. More avoids growth; each page costs about a
 * microsecond of every reset.
 */
const roomPages = 1;

/** An import of a core module. */
export interface CoreImport {
  readonly module: string;
  readonly name: string;
}

interface WebAssemblyApi {
  readonly Module: (new (core: Uint8Array) => object) & { imports(module: object): CoreImport[] };
}

/** The imports of `core`. */
export function coreImports(core: Uint8Array): CoreImport[] {
  // The types of the engine's own WebAssembly come only with the DOM library.
  const { Module } = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;
  return Module.imports(new Module(core));
}

/**
 * The `imports` that no host interface has, as `module.name`, or by the name alone that AssemblyScript's library gives
 * them.
 */
export function foreignImports(imports: readonly CoreImport[]): string[] {
  return imports
    .filter((one) => !Object.hasOwn(hostInterfaces, one.module))
    .map((one) => (one.module === "env" ? one.name : `${one.module}.${one.name}`));
}

/**
 * Returns `core` without custom sections, and with `roomPages` more memory at the start. asc gives only the size of
 * static data; a call that has to grow its memory costs the host a new instance.
 */
function withRoom(core: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  let copied = 0;
  let sectionAt = preambleBytes;
  for (const { id, start, end } of readSections(core)) {
    if (id === memorySection) {
      const reader = new BinaryReader(core, { start, end });
      const [count, flags, initial] = [reader.u32(), reader.byte(), reader.u32()];
      const rest = core.subarray(reader.offset, end);
      const content = Buffer.concat([leb128(count), Buffer.of(flags), leb128(initial + roomPages), rest]);
      parts.push(core.subarray(copied, sectionAt), Buffer.of(id), leb128(content.length), content);
      copied = end;
    } else if (id === customSection) {
      parts.push(core.subarray(copied, sectionAt));
      copied = end;
    }
    sectionAt = end;
  }
  return Buffer.concat([...parts, core.subarray(copied)]);
}

/**
 * The component of the core module `bare` (canonical ABI, UTF-16), with its interface inside. It imports only the host
 * interfaces that it uses.
 */
export async function buildComponent(bare: Uint8Array, app: AppInterface): Promise<Uint8Array> {
  const core = withRoom(bare);
  const imports = [...new Set(coreImports(core).map((one) => one.module))];
  const witSource = interfaceWit(app, imports);
  const embedded = await componentEmbed({ binary: core, witSource, stringEncoding: "utf16", world: "app" });
  return appendInterface(await componentNew(embedded, []), app);
}
