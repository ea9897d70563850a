// A simulated mesh: calls arrive, a policy sends them, nodes run them, and the results are measured.

import type { Random } from "../../src/core/timers.js";
import { seeded } from "../../test/harness/virtual/virtual-time.js";
import { exponential, weighted } from "./draws.js";
import { EventQueue } from "./event-queue.js";
import { Measures, type RunResult } from "./measures.js";
import type { Balancer, PlacementAtWork, PlacementPolicy } from "./policy.js";
import { meanGapMs, type Scenario } from "./scenario.js";
import type { SimCall, SimEnd } from "./sim-call.js";
import { type NodeEvents, SimNode } from "./sim-node.js";

/** Mean delay of a message, beside the distance. */
const jitterMs = exponential(0.05);
/** Peers that try a call, one after the other, before it runs at home. */
const maxPeers = 2;

/** One run of a scenario under a policy. */
export class SimMesh implements NodeEvents {
  readonly scenario: Scenario;
  readonly queue = new EventQueue();
  readonly nodes: readonly SimNode[];
  /**
   * Random source of the policy; clients draw from another source, so that their calls are the same for all policies.
   */
  readonly random: Random;
  readonly measures: Measures;
  readonly #network: Random;
  readonly #policy: PlacementAtWork;
  readonly #balancers: readonly Balancer[];
  #open = 0;
  #ids = 0;

  constructor(scenario: Scenario, policy: PlacementPolicy) {
    const { machines, seed } = scenario;
    this.scenario = scenario;
    this.random = seeded(seed * 7919 + 2);
    this.#network = seeded(seed * 7919 + 3);
    this.measures = new Measures(scenario);
    this.nodes = machines.map((machine, id) => new SimNode(id, { machine, queue: this.queue, events: this }));
    this.#policy = policy.start(this);
    this.#balancers = machines.map((_, id) => this.#policy.balancer(id));
  }

  /** Simulated milliseconds. */
  get now(): number {
    return this.queue.now;
  }

  /** Whether calls arrive or are in flight. */
  get busy(): boolean {
    return this.#open > 0 || this.now < this.scenario.durationMs;
  }

  /** Runs the scenario until its last call ends. */
  run(): RunResult {
    const { durationMs, warmUpMs } = this.scenario;
    this.#arrivals();
    this.queue.after(warmUpMs, () => this.measures.from(this.nodes));
    this.queue.after(durationMs, () => this.measures.to(this.nodes));
    this.queue.run();
    return this.measures.result(this.#open);
  }

  /** Milliseconds to a node and back, on average. */
  rttMs(one: number, other: number): number {
    return one === other ? 0 : 2 * (this.#distanceMs(one, other) + 0.05);
  }

  /** Sends a message that is not a call; `then` runs at its arrival. */
  send({ from, to }: { from: number; to: number }, then: () => void): void {
    if (from === to) {
      then();
      return;
    }
    this.measures.messages++;
    this.queue.after(this.#distanceMs(from, to) + jitterMs(this.#network), then);
  }

  ended(call: SimCall, end: SimEnd, runMs: number): void {
    const { at, entry } = call;
    const report = (this.nodes[at] as SimNode).report();
    this.send({ from: at, to: entry }, () => {
      const balancer = this.#balancers[entry] as Balancer;
      balancer.answered?.(call, at, { end, runMs, report, tookMs: this.now - call.sentMs });
      if (end === "refused") this.#again(call, balancer);
      else this.#end(call, end);
    });
  }

  touched(node: SimNode): void {
    this.#policy.touched?.(node);
  }

  allowed(node: SimNode): void {
    this.#policy.allowed?.(node);
  }

  #arrivals(): void {
    const { scenario } = this;
    const clients = seeded(scenario.seed * 7919 + 4);
    const gap = exponential(meanGapMs(scenario));
    const entry = weighted(scenario.machines.map((machine) => (machine.fault?.fails ? 0 : machine.entry)));
    const kind = weighted(scenario.functions.map(({ share }) => share));
    const next = (): void => {
      const ms = gap(clients);
      if (this.now + ms > scenario.durationMs) return;
      this.queue.after(ms, () => {
        const model = scenario.functions[kind(clients)];
        if (model === undefined) throw new TypeError("a scenario has functions");
        const from = entry(clients);
        const call = { id: this.#ids++, function: model, units: model.units(clients), entry: from, at: from };
        this.#open++;
        this.#arrived({ ...call, arrivedMs: this.now, sentMs: this.now, tried: [], startedMs: 0, run: 0 });
        next();
      });
    };
    next();
  }

  #arrived(call: SimCall): void {
    const balancer = this.#balancers[call.entry] as Balancer;
    this.#send(call, { node: balancer.choose(call), balancer });
  }

  /** Handles a refused or preempted call: one more peer, else home, where it can always run. */
  #again(call: SimCall, balancer: Balancer): void {
    call.tried.push(call.at);
    const peers = call.tried.filter((node) => node !== call.entry).length;
    this.#send(call, { node: peers < maxPeers ? balancer.again(call) : call.entry, balancer });
  }

  #send(call: SimCall, { node, balancer }: { node: number; balancer: Balancer }): void {
    call.at = node;
    call.sentMs = this.now;
    const queueTimeoutMs = balancer.queueTimeoutMs?.(call, node);
    balancer.sent?.(call, node);
    const target = this.nodes[node] as SimNode;
    if (node === call.entry) target.takeOwn(call);
    else this.send({ from: call.entry, to: node }, () => target.takePeers(call, queueTimeoutMs));
  }

  #end(call: SimCall, end: SimEnd): void {
    this.#open--;
    this.measures.ended(call, { end, tookMs: this.now - call.arrivedMs });
  }

  #distanceMs(one: number, other: number): number {
    const { machines } = this.scenario;
    return (machines[one]?.distanceMs ?? 0) + (machines[other]?.distanceMs ?? 0);
  }
}
