// The allowance: what the owner of a machine leaves to guests at a moment. The governor decides it, the sandbox keeps
// to it, and peers receive it with each report.

/**
 * Why a node may use what it may. `none`: the machine is nobody's workstation; `idle`: its owner is away; `active`: its
 * owner is there, or no signal shows otherwise. In the other states guests do not work: the machine is on battery, too
 * hot, outside the owner's hours or short of memory, or its owner paused the node.
 */
export const ownerStates = ["none", "idle", "active", "battery", "hot", "hours", "memory", "paused"] as const;

/** One of {@link ownerStates}. */
export type OwnerState = (typeof ownerStates)[number];

/** What guests may use now. */
export interface Allowance {
  readonly state: OwnerState;
  /**
   * Workers that calls may use. At 0, calls of the node's own clients still run one at a time when no peer takes them.
   */
  readonly slots: number;
  /**
   * Whether the workers run in the idle scheduling class, in which they get only the CPU time that nobody else wants.
   */
  readonly idleClass: boolean;
  /** The heaviest call that is taken, in work units; infinite for any. A heavier call goes to another node. */
  readonly lightUnits: number;
}

/** Where the allowance of this node is read. */
export interface AllowanceSource {
  readonly current: Allowance;
  /** Calls `listener` after each change; the returned function ends that. */
  watch(listener: (allowance: Allowance, before: Allowance) => void): () => void;
}
