// Places of a stack in the sources. Node reads every map of a program that runs with its maps on, which costs a start
// 27 ms; here a map is read when the first stack of a defect is written.

import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";

/** A place in the bundle, as the engine writes it. */
const place = /\b(file:\/\/\S+?\/dist\/bundle\/[\w-]+\.js):(\d+):(\d+)/g;

/** A map of a megabyte decodes to twelve: the next stack finds it, unless the memory was needed meanwhile. */
const decoded = new Map<string, WeakRef<SourceMap>>();

/** The text with each place in the bundle replaced by the place in the sources, where the map is there. */
export function withSourcePlaces(text: string): string {
  return text.replace(place, (generated: string, file: string, line: string, column: string) => {
    const entry = mapOf(file)?.findEntry(Number(line) - 1, Number(column) - 1);
    if (entry === undefined || !("originalSource" in entry)) return generated;
    const source = entry.originalSource.replace(/^(\.\.\/)+/, "");
    return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  });
}

/** The map beside a file of the bundle; undefined when it cannot be read. */
function mapOf(file: string): SourceMap | undefined {
  const known = decoded.get(file)?.deref();
  if (known !== undefined) return known;
  try {
    const map = new SourceMap(JSON.parse(readFileSync(new URL(`${file}.map`), "utf8")));
    decoded.set(file, new WeakRef(map));
    return map;
  } catch {
    return undefined;
  }
}
