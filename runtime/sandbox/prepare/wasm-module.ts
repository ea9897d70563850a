// The sections of a component and of a core module (component-model Binary.md; core specification, "Modules").
import { HerdError } from "../../../src/core/errors.js";
import { readSections, type Section } from "../../interface/binary.js";
import { moduleBounds } from "../../interface/bounds.js";

/** Section ids of a core module. */
export const sectionId = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

const coreModuleSection = 1;
const preambleBytes = 8;
const coreVersion = 0x0000_0001;
const componentVersion = 0x0001_000d;

/** The first core module of `component`: the one that wit-component made from the app's code. */
export function firstCoreModule(component: Uint8Array): Uint8Array {
  checkPreamble(component, componentVersion);
  for (const section of readSections(component, moduleBounds.componentSections)) {
    if (section.id === coreModuleSection) return component.subarray(section.start, section.end);
  }
  throw new HerdError("source.invalid", "the component holds no core module");
}

/** The sections of the core module `core`, in order. */
export function coreSections(core: Uint8Array): Section[] {
  checkPreamble(core, coreVersion);
  return [...readSections(core)];
}

function checkPreamble(bytes: Uint8Array, version: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const matches = bytes.length >= preambleBytes && view.getUint32(0) === 0x0061_736d;
  if (!matches || view.getUint32(4, true) !== version) {
    throw new HerdError("source.invalid", "the bytes are not a WebAssembly component");
  }
}
