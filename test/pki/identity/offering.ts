// Texts of records offered to a registry, as a replica or a peer does.

import assert from "node:assert/strict";
import type { KeyedRecords } from "../../../src/pki/registry/keyed-records.js";
import type { RecordKind } from "../../../src/pki/registry/records.js";
import type { Registry } from "../../../src/pki/registry/registry.js";

type Store = Pick<KeyedRecords<RecordKind>, "kind" | "accept" | "ids" | "get">;

/** The stores of a registry, one for each kind of record, as if they were of one type. */
export function storesOf(registry: Registry): readonly Store[] {
  return registry.stores as readonly Store[];
}

/** Offers a text to the store of its kind; throws TypeError for a kind that no store has. */
export async function offer(registry: Registry, text: string): Promise<"new" | "known" | "waiting"> {
  const { kind } = JSON.parse((JSON.parse(text) as { payload: string }).payload) as { kind: string };
  const store = storesOf(registry).find((candidate) => candidate.kind === kind);
  if (store === undefined) throw new TypeError(kind);
  return store.accept(text);
}

/** Offers texts that are all new. */
export async function offerAll(registry: Registry, texts: readonly string[]): Promise<Registry> {
  for (const text of texts) assert.equal(await offer(registry, text), "new");
  return registry;
}
