// Places of an app's code in its sources, as a custom section of the component: maps an offset in a trap's stack to
// file, line and column.
import { BinaryReader, leb128, readSections } from "./binary.js";
import { moduleBounds } from "./bounds.js";

const sectionName = "herd:places";
const customSectionId = 0;
const maxSectionBytes = 512 * 1024;
const fileBound = { of: "bytes of a file's name in the places", most: 256 };
/** The names of an upload's files. */
const fileName = /^[A-Za-z0-9_@+-][A-Za-z0-9_.@+/-]*$/;

/** A place in a source; line and column count from 1. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** From `offset` on, code belongs to `place`; offsets count from the start of the code section's content. */
export interface CodePlace {
  readonly offset: number;
  readonly place: SourcePlace;
}

/** One function's code, and its places by ascending offset. */
export interface FunctionPlaces {
  readonly start: number;
  readonly end: number;
  readonly places: readonly CodePlace[];
}

/**
 * Returns `component` with `functions`, by ascending offset, appended as its custom section `herd:places`; without the
 * section when that is too large.
 */
export function appendPlaces(component: Uint8Array, functions: readonly FunctionPlaces[]): Uint8Array {
  const files = [...new Set(functions.flatMap(({ places }) => places.map(({ place }) => place.file)))];
  const numbers: number[] = [functions.length];
  let from = 0;
  for (const { start, end, places } of functions) {
    numbers.push(start - from, end - start, places.length);
    let [offset, line] = [start, 0];
    for (const { offset: at, place } of places) {
      numbers.push(at - offset, files.indexOf(place.file), zigzag(place.line - line), place.column);
      [offset, line] = [at, place.line];
    }
    from = start;
  }
  const names = files.flatMap((file) => [leb128(Buffer.byteLength(file)), Buffer.from(file)]);
  const label = Buffer.from(sectionName);
  const body = Buffer.concat([
    ...[leb128(label.length), label, leb128(files.length), ...names],
    ...numbers.map((number) => leb128(number)),
  ]);
  if (body.length > maxSectionBytes) return component;
  return Buffer.concat([component, Buffer.of(customSectionId), leb128(body.length), body]);
}

/** The bytes of the places in `component`, for {@link findPlace}; undefined when it has none. */
export function placesSection(component: Uint8Array): Uint8Array | undefined {
  for (const section of readSections(component, moduleBounds.componentSections)) {
    if (section.id !== customSectionId || section.end - section.start > maxSectionBytes) continue;
    const reader = new BinaryReader(component, section);
    if (reader.name(moduleBounds.nameBytes) === sectionName) return component.slice(reader.offset, section.end);
  }
  return undefined;
}

/**
 * The place of the first of `offsets` that has one: the last place before the offset, within its function. The bytes
 * may be hostile: they are read in one pass, no allocation depends on their numbers, and a fault throws HerdError.
 */
export function findPlace(section: Uint8Array, offsets: readonly number[]): SourcePlace | undefined {
  const reader = new BinaryReader(section, { start: 0, end: section.length });
  const files: string[] = [];
  for (let left = reader.u32(); left > 0; left--) files.push(reader.name(fileBound));
  const found = new Map<number, SourcePlace>();
  let start = 0;
  for (let left = reader.u32(); left > 0; left--) {
    start += reader.u32();
    const end = start + reader.u32();
    const inside = offsets.filter((offset) => offset >= start && offset < end);
    let [offset, line] = [start, 0];
    for (let count = reader.u32(); count > 0; count--) {
      offset += reader.u32();
      const file = files[reader.u32()] ?? "";
      line += unzigzag(reader.u32());
      const column = reader.u32();
      for (const one of inside) if (one >= offset && fileName.test(file)) found.set(one, { file, line, column });
    }
  }
  return offsets.map((offset) => found.get(offset)).find((place) => place !== undefined);
}

function zigzag(value: number): number {
  return value < 0 ? -value * 2 - 1 : value * 2;
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
