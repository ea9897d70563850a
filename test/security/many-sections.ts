// Core modules with more entries than each bound allows, and components that take long to look at.

import { moduleBounds } from "../../runtime/interface/bounds.js";
import { bareModule, coreModule, repeated, section, tedious, wrapped } from "./forge.js";

interface Bound {
  readonly of: string;
  readonly most: number;
}

const empty = Buffer.of(0);

/** Sections of a core module that each bound of it is exceeded by: id, entry, and how many. */
export const overfull: readonly [bound: Bound, id: number, entry: Buffer, count: number][] = [
  [moduleBounds.types, 1, Buffer.of(0x60, 0, 0), 2_000_000],
  [moduleBounds.imports, 2, Buffer.of(0, 0, 0, 0), 8_000_000],
  [moduleBounds.functions, 3, empty, 20_000_000],
  [moduleBounds.tables, 4, Buffer.of(0x70, 0, 0), 1_000_000],
  [moduleBounds.tags, 13, Buffer.of(0, 0), 1_000_000],
  [moduleBounds.globals, 6, Buffer.of(0x7f, 1, 0x41, 0, 0x0b), 6_000_000],
  [moduleBounds.exports, 7, Buffer.of(1, 0x61, 2, 0), 8_000_000],
  [moduleBounds.elementSegments, 9, Buffer.of(1, 0, 0), 600_000],
  [moduleBounds.elementBytes, 9, Buffer.of(1, 0, 0), 1_000_000],
  [moduleBounds.functions, 10, Buffer.of(2, 0, 0x0b), 5_000_000],
  [moduleBounds.dataSegments, 11, Buffer.of(1, 0), 5_000_000],
];

/** A component whose core module has the section that many times over. */
export function overfullComponent(id: number, entry: Buffer, count: number): Buffer {
  return wrapped(coreModule([section(id, repeated(entry, count))]));
}

/** Components that take a thread long to look at, each refused. */
export const bombs: Record<string, Buffer> = {
  "eleven functions of two megabytes": tedious(11),
  "400,000 empty functions": wrapped(bareModule(), {
    interface: Buffer.from(`{"version":1,"functions":[${"{},".repeat(400_000)}{}],"records":[],"enums":[]}`),
  }),
  "8 million imports": overfullComponent(2, Buffer.of(0, 0, 0, 0), 8_000_000),
  "6 million globals": overfullComponent(6, Buffer.of(0x7f, 1, 0x41, 0, 0x0b), 6_000_000),
};
