// Repair of deployed apps: lost bytes are pulled from peers, and apps that could not be prepared are tried again.

import type { ManifestRecord } from "../catalog/manifest.js";
import type { ManifestRecords } from "../catalog/manifest-records.js";
import type { Clock } from "../core/clock.js";
import type { Logger } from "../core/log.js";
import type { Random, Timers } from "../core/timers.js";
import type { Links } from "../mesh/ports.js";
import type { Activation } from "./activation.js";
import { BlobPulls } from "./blob-pull.js";

const retryMs = 15_000;

/** Dependencies of {@link Healing}. */
export interface HealingOptions {
  readonly records: Pick<ManifestRecords, "lacking" | "missing" | "restore">;
  readonly activation: Pick<Activation, "lock" | "settle" | "behind">;
  readonly links: Pick<Links, "all" | "watch">;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Logger;
}

/**
 * Looks for lost bytes at the start, whenever a link opens, and every 15 s. Every 15 s also tries apps that do not run
 * though they could. One round at a time.
 */
export class Healing {
  readonly #options: HealingOptions;
  readonly #stopped = new AbortController();
  readonly #pulls: BlobPulls;
  #round: Promise<void> | undefined;
  #again = false;
  /** Only every 15 s, and not at each link: a failure for want of time needs some time to pass. */
  #isPrepareDue = false;
  #ends: (() => void)[] = [];

  constructor(options: HealingOptions) {
    this.#options = options;
    const { clock, log } = options;
    this.#pulls = new BlobPulls({ clock, log, signal: this.#stopped.signal });
  }

  start(): void {
    if (this.#ends.length > 0) return;
    this.#ends = [this.#options.links.watch({ opened: () => this.#look() }), () => this.#cancel()];
    this.#look();
    this.#plan();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    for (const end of this.#ends.splice(0)) end();
    await this.#round;
  }

  #cancel: () => void = () => undefined;

  #plan(): void {
    this.#cancel = this.#options.timers.after(retryMs, () => {
      this.#isPrepareDue = true;
      this.#look();
      this.#plan();
    });
  }

  #look(): void {
    this.#again = true;
    this.#round ??= this.#rounds().finally(() => {
      this.#round = undefined;
    });
  }

  async #rounds(): Promise<void> {
    while (this.#again && !this.#stopped.signal.aborted) {
      this.#again = false;
      for (const record of this.#options.records.lacking()) await this.#heal(record);
      if (!this.#isPrepareDue) continue;
      this.#isPrepareDue = false;
      for (const app of this.#options.activation.behind()) await this.#prepare(app);
    }
  }

  async #heal(record: ManifestRecord): Promise<void> {
    const { records, activation, links, random, log } = this.#options;
    const { app, author } = record.manifest;
    const peers = links.all().map((link) => ({ link, turn: random() }));
    if (peers.length === 0 || this.#stopped.signal.aborted) return;
    const order = peers.sort((left, right) => left.turn - right.turn).map(({ link }) => link);
    try {
      for (const blob of records.missing(record)) {
        await records.restore(new Map([[blob.digest, await this.#pulls.pull({ ...blob, author }, order)]]));
      }
      await activation.lock.run(app, () => activation.settle(app));
      log.warn(`the app ${app} is whole again: peers had what was damaged here`);
    } catch (cause) {
      log.debug("a damaged app could not be mended yet", { app, cause });
    }
  }

  async #prepare(app: string): Promise<void> {
    const { activation, log } = this.#options;
    if (this.#stopped.signal.aborted) return;
    try {
      await activation.lock.run(app, () => activation.settle(app));
      log.warn(`the app ${app} runs now: before, it could not be prepared`);
    } catch (cause) {
      log.debug("an app cannot be prepared yet", { app, cause });
    }
  }
}
