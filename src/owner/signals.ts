// What a node sees of its machine and of who uses it: the seam between the policy and the kernel.

/** What was seen last. A field is undefined where the machine gives no such signal. */
export interface Signals {
  /** Whether the machine runs on its battery. */
  readonly onBattery: boolean | undefined;
  /** The CPU's temperature: the highest of its sensors. */
  readonly celsius: number | undefined;
  /** Whether somebody uses the machine now. */
  readonly ownerActive: boolean | undefined;
  /**
   * For how long nobody has, in milliseconds; undefined when somebody does, or for a reason without a time: a locked
   * session.
   */
  readonly ownerIdleMs: number | undefined;
  /** Whether nobody could sit at the machine: it has no seat, no display manager and no session. */
  readonly headless: boolean | undefined;
  /** Share of all cores, 0 to 1, that others than this process and its children used between the last two samples. */
  readonly foreignCpu: number | undefined;
  /** Counts the samples of `foreignCpu`, so that none counts twice. */
  readonly foreignSample: number;
  /** Memory that this process holds, and the machine's. */
  readonly rssBytes: number | undefined;
  readonly totalBytes: number | undefined;
}

/** A machine that tells nothing. */
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

/** Where signals come from. */
export interface SignalSource {
  /** What is seen now; `presence` tells whether the owner and other programs are to be looked at. Never rejects. */
  read(options: { readonly presence: boolean }): Promise<Signals>;
}
