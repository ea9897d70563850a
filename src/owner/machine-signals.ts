// The signals of this machine: each sensor is read as often as its cost allows, and one that does not answer is not
// queried twice.

import { totalmem } from "node:os";
import type { Clock } from "../core/clock.js";
import type { KernelFolders } from "../core/config.js";
import { residentBytes } from "../core/resident-memory.js";
import { CpuUse } from "./cpu-use.js";
import { PowerSupplies } from "./power.js";
import { presence, type QueryLogind, queryLogind, unknownPresence } from "./presence.js";
import { noSignals, type SignalSource, type Signals } from "./signals.js";
import { Temperature } from "./temperature.js";

/** What {@link MachineSignals} reads. */
export interface MachineSignalsOptions {
  readonly kernel: KernelFolders;
  readonly clock: Clock;
  readonly query?: QueryLogind;
}

/**
 * The shortest time between two readings of a sensor, ms. Power is read in each sample, since unplugging must stop
 * guests within a second; the others cost more, or change less.
 */
const cpuEveryMs = 950;
const memoryEveryMs = 950;
const temperatureEveryMs = 4_900;
const presenceEveryMs = 4_900;
/** After this time without logind's answer, ms, presence is unknown, whatever it was before. */
const presenceLateMs = 6_000;

/** Reads Linux' files and queries logind. On other systems memory is the only signal. */
export class MachineSignals implements SignalSource {
  readonly #clock: Clock;
  readonly #power: PowerSupplies;
  readonly #temperature: Temperature;
  readonly #cpu: CpuUse;
  readonly #query: QueryLogind;
  readonly #due = new Map<string, number>();
  #signals: Signals = noSignals;
  #pending: Promise<void> | undefined;
  #queriedAt = 0;

  constructor({ kernel, clock, query = queryLogind }: MachineSignalsOptions) {
    this.#clock = clock;
    this.#power = new PowerSupplies(kernel.sys);
    this.#temperature = new Temperature(kernel.sys);
    this.#cpu = new CpuUse(kernel.proc);
    this.#query = query;
  }

  async read(options: { readonly presence: boolean }): Promise<Signals> {
    if (!options.presence) this.#signals = { ...this.#signals, ...unknownPresence, foreignCpu: undefined };
    else if (this.#isDue("presence", presenceEveryMs)) this.#queryLogind();
    if (this.#pending !== undefined && this.#clock.monotonic() - this.#queriedAt >= presenceLateMs) {
      this.#signals = { ...this.#signals, ...unknownPresence };
    }
    const measured = options.presence && this.#isDue("cpu", cpuEveryMs);
    const [onBattery, celsius, foreignCpu] = await Promise.all([
      this.#power.onBattery(),
      this.#isDue("temperature", temperatureEveryMs) ? this.#temperature.celsius() : this.#signals.celsius,
      measured ? this.#cpu.foreign() : this.#signals.foreignCpu,
    ]);
    const foreignSample = this.#signals.foreignSample + (measured ? 1 : 0);
    this.#signals = { ...this.#signals, onBattery, celsius, foreignCpu, foreignSample };
    if (this.#isDue("memory", memoryEveryMs)) {
      this.#signals = { ...this.#signals, rssBytes: residentBytes(), totalBytes: totalmem() };
    }
    return this.#signals;
  }

  /** Queries logind; the answer is part of the next read, so that a bus that does not answer delays no other signal. */
  #queryLogind(): void {
    if (this.#pending !== undefined) return;
    this.#queriedAt = this.#clock.monotonic();
    this.#pending = presence(this.#query, this.#clock.now())
      .catch(() => unknownPresence)
      .then((found) => {
        this.#pending = undefined;
        this.#signals = { ...this.#signals, ...found };
      });
  }

  #isDue(name: string, everyMs: number): boolean {
    const now = this.#clock.monotonic();
    if (now < (this.#due.get(name) ?? Number.NEGATIVE_INFINITY)) return false;
    this.#due.set(name, now + everyMs);
    return true;
  }
}
