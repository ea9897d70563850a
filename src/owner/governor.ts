// Keeps the allowance of a node: looks at the machine twice a second, decides, and tells who listens.

import type { Clock } from "../core/clock.js";
import type { PolicyPatch, PolicySettings } from "../core/policy-settings.js";
import type { Timers } from "../core/timers.js";
import type { Allowance, Allowances } from "./allowance.js";
import type { KeptPolicy, SaidPolicy } from "./kept-policy.js";
import { decide, freshMemory, isSame, type PolicyMemory } from "./policy.js";
import { unknownPresence } from "./sessions.js";
import { noSignals, type SignalSource, type Signals } from "./signals.js";

/** What a {@link Governor} is built from. */
export interface GovernorOptions {
  /** The settings that hold where the owner says nothing. */
  readonly defaults: PolicySettings;
  readonly kept: KeptPolicy;
  readonly signals: SignalSource;
  /** Workers that the node has, and cores of the machine. */
  readonly workers: number;
  readonly cores: number;
  /** Whether no peer lives that a call could go to; looked at when {@link Governor.check} is called too. */
  readonly alone: () => boolean;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** Between two looks: unplugging is seen, decided and told well within a second. */
const intervalMs = 500;

/** A look that takes longer tells of a time that is over: nobody knows any more who is there. */
const lateMs = 5_000;

/** How long a start waits for the first look. */
const firstLookMs = 1_000;

/** The owner's deputy. Until it starts it allows what it does when nothing is seen. */
export class Governor implements Allowances {
  readonly #options: GovernorOptions;
  readonly #listeners = new Set<(allowance: Allowance, before: Allowance) => void>();
  #said: SaidPolicy;
  #signals: Signals = noSignals;
  #memory: PolicyMemory = freshMemory;
  #current: Allowance;
  #cancel: (() => void) | undefined;
  /** When the look under way began, monotonic milliseconds; undefined between two. */
  #lookingSince: number | undefined;
  /** Changes at each start and stop: what a look of before finds is not used. */
  #run = 0;

  constructor(options: GovernorOptions) {
    this.#options = options;
    this.#said = options.kept.said;
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

  /** The settings that hold now. */
  get settings(): PolicySettings {
    return { ...this.#options.defaults, ...(this.#said.set as Partial<PolicySettings>) };
  }

  /** What was seen last. */
  get signals(): Signals {
    return this.#signals;
  }

  /** Until when the node is paused, epoch ms, infinite until it is resumed; undefined while it is not. */
  get pausedUntil(): number | undefined {
    const { pausedUntil } = this.#said;
    return pausedUntil !== undefined && pausedUntil > this.#options.clock.now() ? pausedUntil : undefined;
  }

  /** Looks at the machine from now on; resolves after the first look, or when that takes too long. Idempotent. */
  async start(): Promise<void> {
    if (this.#cancel !== undefined) return;
    this.#run += 1;
    this.#tick();
    await new Promise<void>((resolve) => {
      const cancel = this.#options.timers.after(firstLookMs, resolve);
      void this.#look().then(() => {
        cancel();
        resolve();
      });
    });
  }

  /** Looks no more; what is allowed stays. Idempotent. */
  stop(): void {
    this.#run += 1;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Decides anew, since something of the surroundings changed. */
  check(): void {
    const before = this.#current;
    this.#current = this.#decide();
    if (isSame(before, this.#current)) return;
    for (const listener of [...this.#listeners]) listener(this.#current, before);
  }

  /**
   * Takes settings, each `null` back to the node's own, and a pause: until an epoch ms, infinite until {@link resume}, `null` for
   * none. They hold at once; resolves when they are kept, throws `internal` when they could not be.
   */
  async say({
    pausedUntil,
    ...patch
  }: PolicyPatch & { readonly pausedUntil?: number | null | undefined }): Promise<void> {
    const set = Object.fromEntries(
      Object.entries({ ...this.#said.set, ...withoutUndefined(patch) }).filter(([, value]) => value !== null),
    );
    const until = pausedUntil === undefined ? this.pausedUntil : (pausedUntil ?? undefined);
    this.#said = { set, pausedUntil: until };
    this.check();
    await this.#options.kept.keep(this.#said);
  }

  /** Ends a pause. See {@link say}. */
  async resume(): Promise<void> {
    if (this.#said.pausedUntil !== undefined) await this.say({ pausedUntil: null });
  }

  #tick(): void {
    this.#cancel = this.#options.timers.after(intervalMs, () => {
      this.#tick();
      this.#doubt();
      // Hours begin and pauses end also while a look takes long.
      this.check();
      void this.#look();
    });
  }

  /** One look at a time: a sensor that does not answer holds up no other decision. */
  async #look(): Promise<void> {
    if (this.#lookingSince !== undefined) return;
    this.#lookingSince = this.#options.clock.monotonic();
    const run = this.#run;
    // A sensor that fails tells nothing: what nobody knows counts as the policy says.
    const read = async (): Promise<Signals> => this.#options.signals.read({ presence: this.settings.owner === "auto" });
    const signals = await read().catch(() => noSignals);
    this.#lookingSince = undefined;
    if (run !== this.#run) return;
    this.#signals = signals;
    this.check();
  }

  /** Where there is no signal the owner counts as there. */
  #doubt(): void {
    if (this.#lookingSince === undefined || this.#options.clock.monotonic() - this.#lookingSince < lateMs) return;
    this.#signals = { ...this.#signals, ...unknownPresence };
  }

  #decide(): Allowance {
    const { workers, cores, alone, clock } = this.#options;
    const at = new Date(clock.now());
    const { allowance, memory } = decide(
      {
        ...{ settings: this.settings, signals: this.#signals, workers, cores, alone: alone() },
        now: clock.monotonic(),
        minuteOfDay: at.getHours() * 60 + at.getMinutes(),
        paused: this.pausedUntil !== undefined,
      },
      this.#memory,
    );
    this.#memory = memory;
    return allowance;
  }
}

function withoutUndefined(patch: PolicyPatch): PolicyPatch {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
}
