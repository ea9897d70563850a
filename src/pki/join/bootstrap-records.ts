// The records that a new node gets at once: enough to know its masters and the nodes that it must not trust. The rest
// follows over links.

/** What is read of the mesh's records: a `Registry` is one. Its stores are by kind. */
interface RecordSource {
  introduction(nodeId: string): readonly string[];
  masters(): readonly { readonly node: string }[];
  readonly stores: readonly { readonly kind: string; ids(): Iterable<string>; get(id: string): string | undefined }[];
}

const limit = 256;

/**
 * Texts of records for the node `nodeId`: its own, those of `master`, which answers, of other masters, their addresses,
 * and revocations.
 */
export function bootstrapRecords(
  source: RecordSource,
  { nodeId, master }: { nodeId: string; master: string },
): string[] {
  const records = new Set([...source.introduction(master), ...source.introduction(nodeId)]);
  const add = (texts: Iterable<string>): void => {
    for (const text of texts) if (records.size < limit) records.add(text);
  };
  for (const { node } of source.masters()) add(source.introduction(node));
  for (const kind of ["address", "revocation"]) {
    const store = source.stores.find((other) => other.kind === kind);
    if (store !== undefined) add(textsOf(store));
  }
  return [...records];
}

function* textsOf(store: RecordSource["stores"][number]): Iterable<string> {
  for (const id of store.ids()) {
    const text = store.get(id);
    if (text !== undefined) yield text;
  }
}
