// How an answer to a change shows that the change is in force, and that the disk has not taken it yet.

/** What the disk has not taken yet: paths of files whose content waits in memory. */
export interface Storage {
  paths(): readonly string[];
}

/** Header and field of an answer to a change: both are absent when the disk has taken everything. */
export interface Durability {
  readonly headers: { readonly "herd-durable"?: "false" };
  readonly field: { readonly durable?: false };
}

/** The durability of what was changed just now. */
export function durability(storage: Storage | undefined): Durability {
  const waits = (storage?.paths().length ?? 0) > 0;
  return waits ? { headers: { "herd-durable": "false" }, field: { durable: false } } : { headers: {}, field: {} };
}
