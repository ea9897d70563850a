// Prequal: asynchronous probes of a node's requests in flight, and of the latency of calls at such a load.

import { FailureAccrual } from "./failure-accrual.js";
import {
  type Balancer,
  eligible,
  type PlacementAtWork,
  type PlacementPolicy,
  type SimAnswer,
  sample,
} from "./policy.js";
import type { SimCall } from "./sim-call.js";
import type { SimMesh } from "./sim-mesh.js";

/** The paper's parameters (section 5): r_probe, r_remove, m, delta, Q_RIF = 2^-0.25, and the age limit. */
const probesPerCall = 3;
const removesPerCall = 1;
const poolSize = 16;
const delta = 1;
const hotQuantile = 2 ** -0.25;
const maxAgeMs = 1_000;
/**
 * Number of answers whose loads make the estimate of the quantile; number of calls whose latencies make that of a node.
 */
const quantileSamples = 100;
const latencySamples = 64;
/** The paper states that errors are averted, not how: this is Finagle's way. */
const accrual = { failures: 5, firstMs: 5_000, mostMs: 300_000 };

interface Probe {
  readonly node: number;
  readonly atMs: number;
  readonly latencyMs: number;
  /** Requests in flight at the node; incremented when the probe is used. */
  inFlight: number;
  uses: number;
}

/** The server side: latencies by the requests in flight at a call's arrival. */
export class PrequalServer {
  readonly #samples: { readonly inFlight: number; readonly tookMs: number }[] = [];
  #next = 0;
  inFlight = 0;

  /** Counts the latency of a call that arrived with that many requests in flight. */
  took(inFlight: number, tookMs: number): void {
    this.#samples[this.#next] = { inFlight, tookMs };
    this.#next = (this.#next + 1) % latencySamples;
  }

  /** The median latency of calls that arrived at the current load, or at the nearest load with data. */
  latencyMs(): number {
    let nearest = Number.POSITIVE_INFINITY;
    for (const { inFlight } of this.#samples) nearest = Math.min(nearest, Math.abs(inFlight - this.inFlight));
    const near = this.#samples.filter(({ inFlight }) => Math.abs(inFlight - this.inFlight) === nearest);
    const sorted = near.map(({ tookMs }) => tookMs).sort((one, other) => one - other);
    return sorted[sorted.length >> 1] ?? 0;
  }
}

/** The client side: the pool of probes. */
class PrequalBalancer implements Balancer {
  readonly #mesh: SimMesh;
  readonly #self: number;
  readonly #servers: readonly PrequalServer[];
  readonly #arrivals: Map<SimCall, number>;
  readonly #failures = new FailureAccrual(accrual);
  readonly #recent: number[] = [];
  #pool: Probe[] = [];
  #seen = 0;
  #worstNext = false;

  constructor(mesh: SimMesh, { self, servers, arrivals }: Shared & { readonly self: number }) {
    this.#mesh = mesh;
    this.#self = self;
    this.#servers = servers;
    this.#arrivals = arrivals;
  }

  choose(call: SimCall): number {
    this.#probe(call);
    for (let removed = 0; removed < removesPerCall; removed++) this.#remove();
    const best = this.#best(call);
    if (best !== undefined) {
      best.inFlight++;
      best.uses++;
      if (best.uses >= this.#reuses) this.#pool = this.#pool.filter((probe) => probe !== best);
      return best.node;
    }
    const [node = this.#self] = sample(this.#mesh, { call, count: 1 });
    return node;
  }

  again(call: SimCall): number {
    return this.choose(call);
  }

  /** The simulated server counts a call from its sending: the way there is short beside the run. */
  sent(call: SimCall, node: number): void {
    const server = this.#servers[node] as PrequalServer;
    this.#arrivals.set(call, server.inFlight++);
  }

  answered(call: SimCall, node: number, { end, tookMs }: SimAnswer): void {
    const server = this.#servers[node] as PrequalServer;
    server.inFlight--;
    if (end === "ok") server.took(this.#arrivals.get(call) ?? 0, tookMs);
    this.#arrivals.delete(call);
    this.#failures.ended(node, { end, nowMs: this.#mesh.now });
  }

  /**
   * b_reuse = max(1, (1 + delta) / ((1 - m/n) r_probe - r_remove)); without a limit where probes are lost faster than
   * they arrive.
   */
  get #reuses(): number {
    const gained = (1 - poolSize / this.#mesh.nodes.length) * probesPerCall - removesPerCall;
    return gained <= 0 ? Number.POSITIVE_INFINITY : Math.max(1, (1 + delta) / gained);
  }

  #probe(call: SimCall): void {
    for (const node of sample(this.#mesh, { call, count: probesPerCall })) {
      this.#mesh.send({ from: this.#self, to: node }, () => {
        const server = this.#servers[node] as PrequalServer;
        const [inFlight, latencyMs] = [server.inFlight, server.latencyMs()];
        this.#mesh.send({ from: node, to: this.#self }, () => this.#receive({ node, inFlight, latencyMs }));
      });
    }
  }

  #receive({ node, inFlight, latencyMs }: { node: number; inFlight: number; latencyMs: number }): void {
    this.#recent[this.#seen++ % quantileSamples] = inFlight;
    if (this.#pool.length >= poolSize) this.#pool.shift();
    this.#pool.push({ node, inFlight, latencyMs, atMs: this.#mesh.now, uses: 0 });
  }

  /** Removes the oldest and the worst in turn: the hot probe with most in flight, else the slowest cold one. */
  #remove(): void {
    this.#worstNext = !this.#worstNext;
    if (!this.#worstNext || this.#pool.length === 0) {
      this.#pool.shift();
      return;
    }
    const limit = this.#hotLimit();
    const hot = this.#pool.filter(({ inFlight }) => inFlight > limit);
    const among = hot.length > 0 ? hot : this.#pool;
    const key = hot.length > 0 ? ({ inFlight }: Probe) => -inFlight : ({ latencyMs }: Probe) => -latencyMs;
    const worst = leastOf(among, key);
    this.#pool = this.#pool.filter((probe) => probe !== worst);
  }

  /**
   * Hot-cold lexicographic: the fastest cold probe, else the hot one with least in flight. With fewer than two probes,
   * a random node is better.
   */
  #best(call: SimCall): Probe | undefined {
    const { now } = this.#mesh;
    this.#pool = this.#pool.filter(({ atMs }) => now - atMs <= maxAgeMs);
    const usable = this.#pool.filter(
      ({ node }) => this.#failures.isOpen(node, now) && eligible(this.#mesh, { call, node }),
    );
    if (usable.length < 2) return undefined;
    const limit = this.#hotLimit();
    const cold = usable.filter(({ inFlight }) => inFlight <= limit);
    return cold.length > 0 ? leastOf(cold, ({ latencyMs }) => latencyMs) : leastOf(usable, ({ inFlight }) => inFlight);
  }

  #hotLimit(): number {
    const sorted = [...this.#recent].sort((one, other) => one - other);
    return sorted[Math.min(sorted.length - 1, Math.floor(hotQuantile * sorted.length))] ?? 0;
  }
}

interface Shared {
  readonly servers: readonly PrequalServer[];
  /** Requests in flight at a call's arrival. */
  readonly arrivals: Map<SimCall, number>;
}

/**
 * Wydrowski, Kleinberg, Rumble and Archer, "Load is not what you should balance: Introducing Prequal", NSDI 2024, in
 * its asynchronous mode (sections 4.1 to 4.3). A node is one of its own replicas, and probes itself without a message.
 */
export const prequal: PlacementPolicy = {
  name: "Prequal",
  start: (mesh): PlacementAtWork => {
    const servers = mesh.scenario.machines.map(() => new PrequalServer());
    const arrivals = new Map<SimCall, number>();
    return { balancer: (self) => new PrequalBalancer(mesh, { self, servers, arrivals }) };
  },
};

function leastOf(probes: readonly Probe[], key: (probe: Probe) => number): Probe | undefined {
  let least: Probe | undefined;
  for (const probe of probes) if (least === undefined || key(probe) < key(least)) least = probe;
  return least;
}
