// Records that came with an answer or a handshake, given to the stores that judge them.

import { tryParseJson } from "../core/json.js";
import { decodeSigned } from "../core/signed.js";
import type { RecordStore } from "../mesh/ports.js";

/**
 * Gives each text to the store of its kind, twice when its signer is introduced by a later one. Throws as the stores
 * do.
 */
export async function acceptRecords(texts: readonly string[], stores: readonly RecordStore[]): Promise<void> {
  await offer(texts, (text) => storeOf(text, stores)?.accept(text));
}

/**
 * As {@link acceptRecords}, for texts that were right once: `refused` receives what a store refuses now, and the others
 * count.
 */
export async function acceptStillGood(
  texts: readonly string[],
  { stores, refused }: { readonly stores: readonly RecordStore[]; readonly refused: (reason: unknown) => void },
): Promise<void> {
  await offer(texts, (text) => storeOf(text, stores)?.accept(text).catch(refused));
}

async function offer(texts: readonly string[], accept: (text: string) => unknown): Promise<void> {
  let waiting = texts;
  for (let round = 0; round < 2 && waiting.length > 0; round++) {
    const left: string[] = [];
    for (const text of waiting) if ((await accept(text)) === "waiting") left.push(text);
    waiting = left;
  }
}

function storeOf(text: string, stores: readonly RecordStore[]): RecordStore | undefined {
  const kind = kindOf(text);
  return stores.find((store) => store.kind === kind);
}

function kindOf(text: string): unknown {
  const payload = tryParseJson(decodeSigned(text)?.payload ?? "null");
  return typeof payload === "object" && payload !== null && "kind" in payload ? payload.kind : undefined;
}
