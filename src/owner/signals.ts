// The signals of a machine and of its owner's presence: the port between the owner's policy and the operating system.

/** The last sample. A field is undefined where the machine gives no such signal. */
export interface Signals {
  /** Whether the machine runs on its battery. */
  readonly onBattery: boolean | undefined;
  /** The CPU's temperature: the highest of its sensors. */
  readonly celsius: number | undefined;
  /** Whether somebody uses the machine now. */
  readonly ownerActive: boolean | undefined;
  /**
   * How long nobody has used the machine, ms; undefined while somebody does, and for a locked session, which counts at
   * once.
   */
  readonly ownerIdleMs: number | undefined;
  /** Whether nobody could sit at the machine: it has no seat, no display manager and no session. */
  readonly headless: boolean | undefined;
  /**
   * The share of all cores, 0 to 1, that other programs than this process and its children used between two samples.
   */
  readonly foreignCpu: number | undefined;
  /** Counts the samples of `foreignCpu`, so that the policy applies each once. */
  readonly foreignSample: number;
  /** Memory that this process holds, and memory of the machine. */
  readonly rssBytes: number | undefined;
  readonly totalBytes: number | undefined;
}

/** A machine without any signal. */
export const noSignals: Signals = {
  onBattery: undefined,
  celsius: undefined,
  ownerActive: undefined,
  ownerIdleMs: undefined,
  headless: undefined,
  foreignCpu: undefined,
  foreignSample: 0,
  rssBytes: undefined,
  totalBytes: undefined,
};

/** Where the signals of a machine are read. */
export interface SignalSource {
  /**
   * The signals now; `presence`: whether to read the owner's presence and other programs' CPU use too. Never rejects.
   */
  read(options: { readonly presence: boolean }): Promise<Signals>;
}
