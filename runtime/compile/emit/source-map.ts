// The compiler's source map → places in the upload, by function of the core module (Source Map specification, "Mappings
// Structure").
import { BinaryReader, readSections } from "../../interface/binary.js";
import { moduleBounds } from "../../interface/bounds.js";
import type { CodePlace, FunctionPlaces, SourcePlace } from "../../interface/places.js";

const importSection = 2;
const exportSection = 7;
const codeSection = 10;
const functionKind = 0;
const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Maps the compiler's places and exports to the upload. */
export interface UploadView {
  /** The place in the upload; undefined for places of the library. */
  readonly find: (place: SourcePlace) => SourcePlace | undefined;
  /** Declarations of the callables, by export name. */
  readonly callables: ReadonlyMap<string, SourcePlace>;
}

/** The places of `core` in the upload, from the JSON of its source map. Functions without a place are left out. */
export function readPlaces(core: Uint8Array, map: string, { find, callables }: UploadView): FunctionPlaces[] {
  const { sources, mappings } = JSON.parse(map) as { sources: readonly string[]; mappings: string };
  const { start: base, bodies } = functionBodies(core);
  const all: CodePlace[][] = bodies.map(() => []);
  for (const [name, index] of exportedBodies(core)) {
    const place = callables.get(name);
    // Where the optimizer removed all places, code gets at least the place of the callable.
    if (place !== undefined) all[index]?.push({ offset: (bodies[index]?.start ?? 0) - base, place });
  }
  let body = 0;
  for (const { offset, source, line, column } of segments(mappings)) {
    while (body < bodies.length && offset >= (bodies[body]?.end ?? 0)) body++;
    if (offset < (bodies[body]?.start ?? Number.POSITIVE_INFINITY)) continue;
    const place = find({ file: sources[source] ?? "", line, column });
    const places = all[body];
    const last = places?.at(-1)?.place;
    if (place === undefined || (last !== undefined && isSame(last, place))) continue;
    places?.push({ offset: offset - base, place });
  }
  const functions = bodies.map(({ start, end }, index) => ({
    start: start - base,
    end: end - base,
    places: all[index] ?? [],
  }));
  return functions.filter(({ places }) => places.length > 0);
}

function isSame(left: SourcePlace, right: SourcePlace): boolean {
  return left.line === right.line && left.column === right.column && left.file === right.file;
}

interface Segment {
  readonly offset: number;
  readonly source: number;
  readonly line: number;
  readonly column: number;
}

/** Segments that name a place. A binary has one "line", in which columns are offsets. */
function* segments(mappings: string): Generator<Segment> {
  let [offset, source, line, column] = [0, 0, 0, 0];
  let fields: number[] = [];
  let value = 0;
  let shift = 0;
  for (let at = 0; at <= mappings.length; at++) {
    const character = mappings[at] ?? ",";
    if (character !== ",") {
      const digit = digits.indexOf(character);
      value += (digit & 31) * 2 ** shift;
      shift += 5;
      if ((digit & 32) !== 0) continue;
      fields.push(value % 2 === 0 ? value / 2 : -(value - 1) / 2);
      value = 0;
      shift = 0;
      continue;
    }
    const [byOffset, bySource, byLine, byColumn] = fields;
    fields = [];
    offset += byOffset ?? 0;
    if (bySource === undefined) continue;
    source += bySource;
    line += byLine ?? 0;
    column += byColumn ?? 0;
    yield { offset, source, line: line + 1, column: column + 1 };
  }
}

interface Body {
  readonly start: number;
  readonly end: number;
}

function functionBodies(core: Uint8Array): { start: number; bodies: Body[] } {
  for (const section of readSections(core, moduleBounds.moduleSections)) {
    if (section.id !== codeSection) continue;
    const reader = new BinaryReader(core, section);
    const bodies: Body[] = [];
    for (let left = reader.u32(); left > 0; left--) {
      const size = reader.u32();
      bodies.push({ start: reader.offset, end: reader.offset + size });
      reader.skip(size);
    }
    return { start: section.start, bodies };
  }
  return { start: 0, bodies: [] };
}

/** Exported functions that the module defines: the name, and the index of the body. */
function exportedBodies(core: Uint8Array): [name: string, index: number][] {
  const found: [string, number][] = [];
  let imported = 0;
  for (const section of readSections(core, moduleBounds.moduleSections)) {
    const reader = new BinaryReader(core, section);
    // The compiler imports only functions.
    if (section.id === importSection) imported = reader.u32();
    if (section.id !== exportSection) continue;
    for (let left = reader.u32(); left > 0; left--) {
      const name = reader.name(moduleBounds.nameBytes);
      const kind = reader.byte();
      const index = reader.u32();
      if (kind === functionKind) found.push([name, index - imported]);
    }
  }
  return found;
}
