// Maps a place in the compiler's input to a place in the upload: lines of the glue belong to declarations, appended
// code to defaults.
import type { SourcePlace } from "../../interface/places.js";
import { diagnosticAt, type Place } from "./diagnostics.js";

/** Code behind a file's own text, and the place in the file that it belongs to. */
export interface AppendedCode {
  readonly code: string;
  readonly at: Place;
}

/** First and last line of glue that belong to a place of the upload. */
export interface GluePlace {
  readonly first: number;
  readonly last: number;
  readonly at: Place;
}

/** Inputs of {@link UploadPlaces}; `appended` by path. */
export interface UploadPlacesOptions {
  readonly texts: ReadonlyMap<string, string>;
  readonly appended: ReadonlyMap<string, readonly AppendedCode[]>;
  readonly glue: { readonly file: string; readonly places: readonly GluePlace[] };
}

/** The upload, as the compiler's places refer to it. */
export class UploadPlaces {
  readonly #texts: ReadonlyMap<string, string>;
  readonly #lines = new Map<string, number>();
  readonly #appended: ReadonlyMap<string, readonly AppendedCode[]>;
  readonly #glue: UploadPlacesOptions["glue"];

  constructor({ texts, appended, glue }: UploadPlacesOptions) {
    this.#texts = texts;
    this.#appended = appended;
    this.#glue = glue;
  }

  /** The place in the upload for `place`; undefined when it has none. */
  find(place: SourcePlace): SourcePlace | undefined {
    const { file, line } = place;
    if (file === this.#glue.file) {
      const glue = this.#glue.places.find(({ first, last }) => line >= first && line <= last);
      return glue && placeOf(glue.at);
    }
    const text = this.#texts.get(file);
    if (text === undefined) return undefined;
    let next = this.#lineCount(file, text) + 1;
    if (line < next) return place;
    for (const { code, at } of this.#appended.get(file) ?? []) {
      next += countLines(code) - 1;
      if (line < next) return placeOf(at);
    }
    return undefined;
  }

  #lineCount(file: string, text: string): number {
    let count = this.#lines.get(file);
    if (count === undefined) {
      count = countLines(text);
      this.#lines.set(file, count);
    }
    return count;
  }
}

/** Line and column of `at`. */
export function placeOf(at: Place): SourcePlace {
  const { file, line, column } = diagnosticAt(at, "");
  return { file, line, column };
}

function countLines(text: string): number {
  let lines = 1;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}
