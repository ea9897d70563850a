// Marks the answer to a change that is in force and that the disk has not taken yet.

/** The files that the disk has not taken yet: their content waits in memory. */
export interface Storage {
  paths(): readonly string[];
}

/** Header and field of an answer to a change: both are absent when the disk has taken everything. */
export interface Durability {
  readonly headers: { readonly "herd-durable"?: "false" };
  readonly field: { readonly durable?: false };
}

/** The durability of the change that was just made. */
export function durability(storage: Storage | undefined): Durability {
  const waits = (storage?.paths().length ?? 0) > 0;
  return waits ? { headers: { "herd-durable": "false" }, field: { durable: false } } : { headers: {}, field: {} };
}
