// The interface as a custom section of its component, so that the component's digest covers it.
import { HerdError } from "../../src/core/errors.js";
import { BinaryReader, leb128, readSections } from "./binary.js";
import { moduleBounds, within } from "./bounds.js";
import type { AppInterface } from "./model.js";
import { parseInterface } from "./parse.js";

const sectionName = "herd:interface";
const customSectionId = 0;

/** Returns `component` with `app` appended as its custom section `herd:interface`. */
export function appendInterface(component: Uint8Array, app: AppInterface): Uint8Array {
  const label = Buffer.from(sectionName);
  const json = Buffer.from(JSON.stringify(app));
  const body = Buffer.concat([leb128(label.length), label, json]);
  return Buffer.concat([component, Buffer.of(customSectionId), leb128(body.length), body]);
}

/**
 * The interface that {@link appendInterface} put into `component`. The bytes may be hostile: every length is checked.
 * @throws {HerdError} `source.invalid` when they hold no valid interface.
 */
export function readInterface(component: Uint8Array): AppInterface {
  return parseInterface(interfaceText(component));
}

/** The bytes of that section, without any check of them. Throws as {@link readInterface} does when there is none. */
export function interfaceText(component: Uint8Array): Uint8Array {
  within(moduleBounds.componentBytes, component.length);
  const json = findSection(component);
  if (json === undefined) throw new HerdError("source.invalid", `the component has no section ${sectionName}`);
  return json;
}

function findSection(component: Uint8Array): Uint8Array | undefined {
  for (const section of readSections(component, moduleBounds.componentSections)) {
    if (section.id !== customSectionId) continue;
    const reader = new BinaryReader(component, section);
    if (reader.name(moduleBounds.nameBytes) === sectionName) return component.subarray(reader.offset, section.end);
  }
  return undefined;
}
