// A mesh in memory: nodes with clocks, timers, links and wires that depend on one seed.

import { createHash } from "node:crypto";
import type { TestContext } from "node:test";
import type { Clock } from "../../../src/core/clock.js";
import { HerdError } from "../../../src/core/errors.js";
import type { Random, Timers } from "../../../src/core/timers.js";
import type { PeerIdentity, Trust } from "../../../src/mesh/ports.js";
import { LinkSet, type LinkSetOptions } from "../../../src/mesh/transport/link-set.js";
import { addressOf, MemoryNetwork, MemoryWorld, type Wires } from "./memory-network.js";
import { forSeeds, seeded, seeds, VirtualTime } from "./virtual-time.js";

/** The id of the simulated node of this name. */
export function simulatedId(name: string): string {
  return createHash("sha256").update(name).digest("hex").slice(0, 32);
}

/** One process of a simulated node: its identity, and a clock and timers that end with it. */
export interface Host {
  readonly name: string;
  readonly id: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** Where peers dial the node, `undefined` behind a NAT. */
  readonly address: string | undefined;
  readonly network: MemoryNetwork;
  /** Links over {@link network} that trust every peer outside of {@link Simulation.revoked}; not started. */
  links(options?: Partial<LinkSetOptions>): LinkSet;
  readonly isAlive: boolean;
}

/** How a simulation begins; every part may be changed while it runs. */
export interface SimulationOptions {
  /** One way, ms: drawn between these for each frame; of 1 in `spikeOneIn` frames up to ten times as long. */
  readonly delayMs?: readonly [number, number];
  readonly spikeOneIn?: number;
}

/** Nodes, the wires between them, and their virtual time. */
export class Simulation implements Wires {
  readonly seed: number;
  readonly random: Random;
  readonly time = new VirtualTime();
  readonly world: MemoryWorld;
  /** Ids of nodes that no node trusts any more. */
  readonly revoked = new Set<string>();
  readonly #hosts = new Map<string, Host & { isAlive: boolean }>();
  readonly #hidden = new Set<string>();
  /** Timers of stopped processes that were due meanwhile, by node id. */
  readonly #stopped = new Map<string, (() => void)[]>();
  readonly #ids = new Map<string, string>();
  #isSevered: (from: string, to: string) => boolean = () => false;
  #delayMs: readonly [number, number];
  readonly #spikeOneIn: number;
  #instances = 0;

  constructor(seed: number, options: SimulationOptions = {}) {
    this.seed = seed;
    this.random = seeded(seed);
    this.#delayMs = options.delayMs ?? [0.2, 5];
    this.#spikeOneIn = options.spikeOneIn ?? 50;
    this.world = new MemoryWorld(this.time, this);
  }

  /**
   * Starts a node, or a new process of a killed one; `isHidden`: peers cannot dial it. An identity may name another id.
   */
  host(name: string, options: { isHidden?: boolean; identity?: Partial<PeerIdentity> } = {}): Host {
    if (this.#hosts.get(name)?.isAlive === true) throw new TypeError(`${name} runs`);
    const id = options.identity?.nodeId ?? simulatedId(name);
    this.#ids.set(name, id);
    if (options.isHidden === true) this.#hidden.add(id);
    const identity = (): PeerIdentity => ({
      nodeId: id,
      serial: "01",
      issuer: "00",
      master: false,
      deploy: true,
      notAfter: this.time.now() + 86_400_000,
      ...options.identity,
    });
    const random = seeded(Math.floor(this.random() * 2 ** 32));
    const timers: Timers = {
      after: (ms, run) => {
        let isCancelled = false;
        const fire = (): void => {
          if (!host.isAlive || isCancelled) return;
          const due = this.#stopped.get(id);
          if (due === undefined) run();
          else due.push(fire);
        };
        const cancel = this.time.after(ms, fire);
        return () => {
          isCancelled = true;
          cancel();
        };
      },
    };
    const network = new MemoryNetwork(this.world, identity);
    const instance = (++this.#instances).toString(16).padStart(16, "0");
    const address = options.isHidden === true ? undefined : addressOf(id);
    const host = {
      name,
      id,
      clock: this.time,
      timers,
      random,
      address,
      network,
      isAlive: true,
      links: (given: Partial<LinkSetOptions> = {}) =>
        new LinkSet({
          nodeId: id,
          instance,
          network,
          trust: this.trust,
          clock: this.time,
          timers,
          random,
          hello: () => ({ address, url: `https://${id}:8443`, records: [] }),
          acceptRecords: async () => undefined,
          ...given,
        }),
    };
    this.#hosts.set(name, host);
    return host;
  }

  /** Ends a node's process at once. Its peers notice, or do not when `isSilent` (the machine lost power). */
  kill(name: string, isSilent = false): void {
    const host = this.#hosts.get(name);
    if (host === undefined) return;
    host.isAlive = false;
    this.#stopped.delete(host.id);
    this.world.kill(host.id, isSilent);
  }

  /** Stops a node's process, as SIGSTOP does: its timers wait, and nothing passes to or from it. */
  stop(name: string): void {
    this.#stopped.set(this.#idOf(name), []);
  }

  /** Lets a stopped process go on: first the timers that were due meanwhile. */
  resume(name: string): void {
    const due = this.#stopped.get(this.#idOf(name)) ?? [];
    this.#stopped.delete(this.#idOf(name));
    for (const fire of due) this.time.after(0, fire);
  }

  /** Nodes that run, by name. */
  get alive(): string[] {
    return [...this.#hosts.values()].filter(({ isAlive }) => isAlive).map(({ name }) => name);
  }

  /** Lets nothing pass between nodes of different groups; a node in no group reaches all. `[]` heals the partition. */
  partition(groups: readonly (readonly string[])[]): void {
    const groupOf = new Map(groups.flatMap((group, index) => group.map((name) => [this.#idOf(name), index] as const)));
    this.#isSevered = (from, to) => {
      const [one, other] = [groupOf.get(from), groupOf.get(to)];
      return one !== undefined && other !== undefined && one !== other;
    };
  }

  /** Lets frames pass only where this allows it, by node ids, in each direction. */
  sever(isSevered: (from: string, to: string) => boolean): void {
    this.#isSevered = isSevered;
  }

  /** Breaks the connections between two nodes; they may dial again. */
  break(one: string, other: string): void {
    this.world.break(this.#idOf(one), this.#idOf(other));
  }

  #idOf(name: string): string {
    return this.#ids.get(name) ?? simulatedId(name);
  }

  slow(delayMs: readonly [number, number]): void {
    this.#delayMs = delayMs;
  }

  /** Trusts every peer that is not {@link revoked}. */
  readonly trust: Trust = {
    check: (peer) => {
      if (this.revoked.has(peer.nodeId)) throw new HerdError("auth.invalid", "the node is revoked");
    },
  };

  /** Lets time pass; ms. */
  async run(ms: number): Promise<void> {
    await this.time.advance(ms);
  }

  /** Lets time pass until `holds` does, checked after each event, at most this many ms; resolves to whether it does. */
  until(isDone: () => boolean, ms: number): Promise<boolean> {
    return this.time.advance(ms, isDone);
  }

  /** The value of a promise that needs time to pass, at most this many ms. */
  settle<Value>(promise: Promise<Value>, ms = 60_000): Promise<Value> {
    return this.time.settle(promise, ms);
  }

  delayMs(): number {
    const [least, most] = this.#delayMs;
    const delay = least + this.random() * (most - least);
    return this.random() * this.#spikeOneIn < 1 ? delay * (1 + this.random() * 9) : delay;
  }

  isBlocked(from: string, to: string): boolean {
    return this.#isSevered(from, to) || this.#stopped.has(from) || this.#stopped.has(to);
  }

  isHidden(node: string): boolean {
    return this.#hidden.has(node);
  }
}

/**
 * Runs a scenario for several seeds, each in a simulation of its own, and names the seed that failed. `HERD_SEEDS` and
 * `HERD_SEED` replace `count`, as in {@link seeds}.
 */
export async function eachSeed(
  t: TestContext,
  options: SimulationOptions & { readonly count: number },
  scenario: (simulation: Simulation) => Promise<void>,
): Promise<void> {
  let [runs, events] = [0, 0];
  const from = performance.now();
  await forSeeds(seeds(options.count), async (seed) => {
    const simulation = new Simulation(seed, options);
    await scenario(simulation);
    runs += 1;
    events += simulation.time.events;
  });
  t.diagnostic(`${runs} seeds, ${events} events, ${Math.round(performance.now() - from)} ms`);
}
