// The one list of bounds on a component's structure. Readers check each bound before they loop or allocate by a number
// from the bytes.
import { HerdError } from "../../src/core/errors.js";

const mebibyte = 1024 * 1024;

/** A bound: what it counts, in the words of a refusal, and the largest allowed value. */
export interface Bound {
  readonly of: string;
  readonly most: number;
}

/**
 * Bounds of the bytes of a component and of its first core module, in the order in which they are read. Where the
 * engine has a bound of its own (V8's `wasm-limits.h`), ours is at most as high. Compilers of whole languages stay
 * below these by a factor of ten and more.
 */
export const moduleBounds = {
  componentBytes: { of: "bytes of the component", most: 32 * mebibyte },
  componentSections: { of: "sections of the component", most: 1_000 },
  moduleSections: { of: "sections of the module", most: 1_000 },
  nameBytes: { of: "bytes of a name", most: 1_024 },
  // V8 keeps each distinct type for as long as the process lives, and ends the process at a million.
  types: { of: "types of the module", most: 2_000 },
  typeValues: { of: "parameters, results or fields of one of the module's types", most: 128 },
  imports: { of: "imports", most: 1_000 },
  functions: { of: "functions of the module", most: 100_000 },
  tables: { of: "tables", most: 16 },
  tableEntries: { of: "entries of a table", most: 100_000 },
  tags: { of: "tags", most: 1_000 },
  globals: { of: "globals", most: 10_000 },
  exports: { of: "exports", most: 10_000 },
  elementBytes: { of: "bytes of element segments", most: 2 * mebibyte },
  elementSegments: { of: "element segments", most: 10_000 },
  dataSegments: { of: "data segments", most: 100_000 },
  bodyBytes: { of: "bytes of one function's code", most: 2 * mebibyte },
  codeBytes: { of: "bytes of code", most: 24 * mebibyte },
  nesting: { of: "blocks within each other", most: 5_000 },
  locals: { of: "locals of one function", most: 50_000 },
} as const satisfies Record<string, Bound>;

/** Bounds of the interface: first of its text, which is read as JSON only within them, then of its content. */
export const interfaceBounds = {
  interfaceBytes: { of: "bytes of the interface", most: 1 * mebibyte },
  interfaceDepth: { of: "levels of the interface's JSON", most: 256 },
  interfaceValues: { of: "values in the interface's JSON", most: 200_000 },
  interfaceNameLength: { of: "characters of a name in the interface", most: 512 },
  docLength: { of: "characters of a comment in the interface", most: 8_192 },
  defaultLength: { of: "characters of a parameter's default", most: 4_096 },
  callables: { of: "callable functions", most: 1_024 },
  parameters: { of: "parameters of one function", most: 256 },
  allParameters: { of: "parameters of all functions", most: 8_192 },
  records: { of: "classes", most: 2_048 },
  fields: { of: "fields of one class", most: 1_024 },
  allFields: { of: "fields of all classes", most: 16_384 },
  enums: { of: "enums", most: 1_024 },
  members: { of: "members of one enum", most: 8_192 },
  allMembers: { of: "members of all enums", most: 16_384 },
  typeDepth: { of: "levels of types within a type", most: 128 },
  flatValues: { of: "values that one parameter, result or field holds without a list or map between", most: 4_096 },
} as const satisfies Record<string, Bound>;

/** Bounds of a revision's stored source: JSON of its files. */
export const sourceBounds = {
  sourceBytes: { of: "bytes of stored source", most: 16 * mebibyte },
  files: { of: "files of source", most: 4_096 },
} as const satisfies Record<string, Bound>;

/**
 * Returns `found` when the bound allows it. Throws HerdError `source.invalid` with the bound, the found and the allowed
 * value.
 */
export function within(bound: Bound, found: number): number {
  if (found > bound.most) {
    throw new HerdError("source.invalid", `the component has too many ${bound.of}: ${found}; at most ${bound.most}`);
  }
  return found;
}
