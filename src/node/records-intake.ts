// Records that came with an answer or a greeting, given to the stores that judge them.

import { decodeSigned } from "../core/signed.js";
import type { RecordStore } from "../mesh/seams.js";

/** Gives each text to the store of its kind, twice when its signer is introduced by a later one. Throws as the stores do. */
export async function acceptRecords(texts: readonly string[], stores: readonly RecordStore[]): Promise<void> {
  let waiting = texts;
  for (let round = 0; round < 2 && waiting.length > 0; round++) {
    const left: string[] = [];
    for (const text of waiting) {
      const kind = kindOf(text);
      const outcome = await stores.find((store) => store.kind === kind)?.accept(text);
      if (outcome === "waiting") left.push(text);
    }
    waiting = left;
  }
}

function kindOf(text: string): unknown {
  try {
    const payload: unknown = JSON.parse(decodeSigned(text)?.payload ?? "null");
    return typeof payload === "object" && payload !== null && "kind" in payload ? payload.kind : undefined;
  } catch {
    return undefined;
  }
}
