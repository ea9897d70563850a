// What the owner of a machine leaves to guests at a moment: what the policy decides, the sandbox keeps to and peers are told.

/**
 * Why a node may use what it may: `none`: nobody's workstation; `idle`: its owner is away; `active`: its owner is there, or nothing
 * says otherwise; the others let no guest work in: on battery, too hot, outside the hours, short of memory, paused by its owner.
 */
export const ownerStates = ["none", "idle", "active", "battery", "hot", "hours", "memory", "paused"] as const;

/** One of {@link ownerStates}. */
export type OwnerState = (typeof ownerStates)[number];

/** What guests may use now. */
export interface Allowance {
  readonly state: OwnerState;
  /** Workers that calls may use. With none, calls of the node's own clients still run one at a time when no peer takes them. */
  readonly slots: number;
  /** Whether the workers run in the idle scheduling class: only when nobody else wants the core. */
  readonly idleClass: boolean;
  /** A call of more work units is for other nodes; infinite when none is too heavy. */
  readonly lightUnits: number;
}

/** Where the allowance of this node is read. */
export interface Allowances {
  readonly current: Allowance;
  /** Calls `listener` after each change; the returned function ends that. */
  watch(listener: (allowance: Allowance, before: Allowance) => void): () => void;
}
