// From a place in what the compiler was given to one in the upload: the glue stands for declarations, appended code for
// defaults.
import type { SourcePlace } from "../../interface/places.js";
import { diagnosticAt, type Place } from "./diagnostics.js";

/** Code behind a file's own text, and what it stands for there. */
export interface AppendedCode {
  readonly code: string;
  readonly at: Place;
}

/** Lines of the glue that stand for a place of the upload, the first and the last of them. */
export interface GluePlace {
  readonly first: number;
  readonly last: number;
  readonly at: Place;
}

/** What {@link UploadPlaces} is made of; `appended` by path. */
export interface UploadPlacesOptions {
  readonly texts: ReadonlyMap<string, string>;
  readonly appended: ReadonlyMap<string, readonly AppendedCode[]>;
  readonly glue: { readonly file: string; readonly places: readonly GluePlace[] };
}

/** The upload as the compiler's places see it. */
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

  /** Where `place` is in the upload; undefined when it is in no file of it, and stands for none. */
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
