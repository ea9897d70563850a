// The governor: samples the machine's signals twice a second, applies the owner's policy to them, and keeps the
// allowance that follows.

import type { Clock } from "../core/clock.js";
import type { OwnerPolicy, OwnerPolicyPatch } from "../core/owner-policy.js";
import type { Timers } from "../core/timers.js";
import type { Allowance, AllowanceSource } from "./allowance.js";
import { type DecisionState, decideAllowance, initialState, isSame } from "./decide-allowance.js";
import type { PolicyStore, StoredPolicy } from "./policy-store.js";
import { unknownPresence } from "./presence.js";
import { noSignals, type SignalSource, type Signals } from "./signals.js";

/** What a {@link Governor} is built from. */
export interface GovernorOptions {
  /** The policy of the node's configuration, which holds where the owner changed nothing. */
  readonly defaults: OwnerPolicy;
  readonly store: PolicyStore;
  readonly signals: SignalSource;
  /** Workers that the node has, and cores of the machine. */
  readonly workers: number;
  readonly cores: number;
  /** Whether no peer lives that a call could go to; read at each decision. See {@link Governor.check}. */
  readonly alone: () => boolean;
  readonly clock: Clock;
  readonly timers: Timers;
}

/**
 * Between two samples of the signals, ms. Unplugging has to stop guests, and to be reported to peers, within a second:
 * longer samples cost less CPU and miss that.
 */
const sampleMs = 500;

/** A sample that takes longer is outdated: whether somebody is at the machine is then unknown. */
const lateMs = 5_000;

/** How long a start waits for the first sample, ms. */
const firstSampleMs = 1_000;

/** Keeps the allowance of a node. Until it starts, the allowance is the one that follows from no signals. */
export class Governor implements AllowanceSource {
  readonly #options: GovernorOptions;
  readonly #listeners = new Set<(allowance: Allowance, before: Allowance) => void>();
  #stored: StoredPolicy;
  #signals: Signals = noSignals;
  #state: DecisionState = initialState;
  #current: Allowance;
  #cancel: (() => void) | undefined;
  /** When the sample under way began, monotonic ms; undefined between two samples. */
  #samplingSince: number | undefined;
  /** Changes at each start and stop, so that the result of a sample from before is dropped. */
  #run = 0;

  constructor(options: GovernorOptions) {
    this.#options = options;
    this.#stored = options.store.stored;
    this.#current = this.#decide();
  }

  get current(): Allowance {
    return this.#current;
  }

  watch(listener: (allowance: Allowance, before: Allowance) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** The policy that holds now. */
  get policy(): OwnerPolicy {
    return { ...this.#options.defaults, ...(this.#stored.set as Partial<OwnerPolicy>) };
  }

  /** The signals of the last sample. */
  get signals(): Signals {
    return this.#signals;
  }

  /** Until when the node is paused, epoch ms, infinite until it is resumed; undefined while it is not paused. */
  get pausedUntil(): number | undefined {
    const { pausedUntil } = this.#stored;
    return pausedUntil !== undefined && pausedUntil > this.#options.clock.now() ? pausedUntil : undefined;
  }

  /** Begins to sample the signals; resolves after the first sample, or after {@link firstSampleMs}. Idempotent. */
  async start(): Promise<void> {
    if (this.#cancel !== undefined) return;
    this.#run += 1;
    this.#tick();
    await new Promise<void>((resolve) => {
      const cancel = this.#options.timers.after(firstSampleMs, resolve);
      void this.#sample().then(() => {
        cancel();
        resolve();
      });
    });
  }

  /** Samples no more; the allowance stays. Idempotent. */
  stop(): void {
    this.#run += 1;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Decides anew; to be called when something changed that is no signal, such as {@link GovernorOptions.alone}. */
  check(): void {
    const before = this.#current;
    this.#current = this.#decide();
    if (isSame(before, this.#current)) return;
    for (const listener of [...this.#listeners]) listener(this.#current, before);
  }

  /**
   * Changes settings of the policy, each `null` back to the node's own, and the pause: until an epoch ms, infinite
   * until {@link resume}, `null` for none. The change holds at once. Resolves when it is kept; throws `internal` when
   * it could not be.
   */
  async update({
    pausedUntil,
    ...patch
  }: OwnerPolicyPatch & { readonly pausedUntil?: number | null | undefined }): Promise<void> {
    const set = Object.fromEntries(
      Object.entries({ ...this.#stored.set, ...withoutUndefined(patch) }).filter(([, value]) => value !== null),
    );
    const until = pausedUntil === undefined ? this.pausedUntil : (pausedUntil ?? undefined);
    this.#stored = { set, pausedUntil: until };
    this.check();
    await this.#options.store.keep(this.#stored);
  }

  /** Ends a pause. See {@link update}. */
  async resume(): Promise<void> {
    if (this.#stored.pausedUntil !== undefined) await this.update({ pausedUntil: null });
  }

  #tick(): void {
    this.#cancel = this.#options.timers.after(sampleMs, () => {
      this.#tick();
      this.#forgetPresenceIfLate();
      // Hours begin and pauses end also while a sample takes long.
      this.check();
      void this.#sample();
    });
  }

  /** One sample at a time: a sensor that does not answer delays no other decision. */
  async #sample(): Promise<void> {
    if (this.#samplingSince !== undefined) return;
    this.#samplingSince = this.#options.clock.monotonic();
    const run = this.#run;
    const read = async (): Promise<Signals> => this.#options.signals.read({ presence: this.policy.owner === "auto" });
    // A sensor that fails gives no signal, and the policy has a rule for each signal that is missing.
    const signals = await read().catch(() => noSignals);
    this.#samplingSince = undefined;
    if (run !== this.#run) return;
    this.#signals = signals;
    this.check();
  }

  /** Without a signal of presence the owner counts as there. */
  #forgetPresenceIfLate(): void {
    const since = this.#samplingSince;
    if (since === undefined || this.#options.clock.monotonic() - since < lateMs) return;
    this.#signals = { ...this.#signals, ...unknownPresence };
  }

  #decide(): Allowance {
    const { workers, cores, alone, clock } = this.#options;
    const at = new Date(clock.now());
    const { allowance, state } = decideAllowance(
      {
        policy: this.policy,
        signals: this.#signals,
        workers,
        cores,
        alone: alone(),
        now: clock.monotonic(),
        minuteOfDay: at.getHours() * 60 + at.getMinutes(),
        paused: this.pausedUntil !== undefined,
      },
      this.#state,
    );
    this.#state = state;
    return allowance;
  }
}

function withoutUndefined(patch: OwnerPolicyPatch): OwnerPolicyPatch {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
}
