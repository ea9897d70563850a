// Our policy: the product's own choice, pace, work and health, with the knowledge that a simulated node can have.

import { defaultLocalBias } from "../../src/core/config.js";
import { FunctionWork } from "../../src/invoke/learning/function-work.js";
import { type Candidate, choose, chooseAway } from "../../src/invoke/routing/choose.js";
import { type Here, queueTimeoutMs } from "../../src/invoke/routing/finish.js";
import { Health } from "../../src/invoke/routing/outlier-ejection.js";
import { Speed } from "../../src/invoke/routing/speed.js";
import type { Balancer, PlacementPolicy, SimAnswer } from "./policy.js";
import { Reports } from "./reports.js";
import type { FunctionModel } from "./scenario.js";
import type { SimCall } from "./sim-call.js";
import type { SimMesh } from "./sim-mesh.js";
import type { Report, SimNode } from "./sim-node.js";

/** Links were open long before a simulation begins: slow start happens only after an ejection. */
const longAgoMs = -1e6;

/** Interval at which health and pace are refreshed, as in src/invoke/peers/peer-statuses.ts. */
const lookMs = 10;
const lookPerPeerMs = 0.1;

/** One peer, as one node knows it. */
class SimPeer implements Candidate {
  readonly nodeId: string;
  readonly node: number;
  readonly rttMs: number;
  /** Shared by all peers until this node sends a call there. */
  speed: Speed;
  usable = true;
  errorRate = 0;
  warmth = 1;
  slots = 0;
  running = 0;
  queued = 0;
  serviceMs: number | undefined;
  lightUnits = Number.POSITIVE_INFINITY;
  inFlight = 0;
  /** Made with the first call to the peer. */
  health: Health | undefined;
  outstanding = 0;
  #reportMs = Number.NEGATIVE_INFINITY;
  /** Times at which sent calls arrive. */
  readonly #arrivals: number[] = [];

  constructor(node: number, { speed, rttMs }: { speed: Speed; rttMs: number }) {
    this.node = node;
    this.nodeId = `${node}`;
    this.rttMs = rttMs;
    this.speed = speed;
  }

  sent(now: number): void {
    if (this.health === undefined) {
      this.health = new Health(longAgoMs);
      this.speed = speedOf(this.speed.capacityRate);
    }
    this.outstanding++;
    this.#arrivals.push(now + this.rttMs / 2);
    this.inFlight++;
  }

  /** Takes a report unless a newer one came before. */
  receiveReport(report: Report | undefined): void {
    if (report === undefined || report.atMs <= this.#reportMs) return;
    this.#reportMs = report.atMs;
    this.slots = report.slots;
    this.running = report.running;
    this.queued = report.queued;
    this.serviceMs = report.serviceMs;
    this.lightUnits = report.lightUnits;
  }

  /** `judging`: also refreshes health and pace. */
  refresh(now: number, judging: boolean): void {
    while (this.#arrivals.length > 0 && (this.#arrivals[0] as number) <= this.#reportMs) this.#arrivals.shift();
    this.inFlight = Math.min(this.outstanding, this.#arrivals.length);
    if (!judging || this.health === undefined) return;
    this.speed.refresh(now);
    this.usable = !this.health.isEjected(now);
    this.errorRate = this.health.errorRate(now);
    this.warmth = this.health.warmth(now);
  }
}

/** Options of {@link ourPolicy}, to measure the effect of its parts. */
export interface OurOptions {
  readonly name?: string;
  readonly bias?: number;
}

interface Shared {
  readonly self: number;
  readonly reports: Reports;
  /** Capacities of all nodes, as they were measured. */
  readonly speeds: readonly Speed[];
}

class OurBalancer implements Balancer {
  readonly #mesh: SimMesh;
  readonly #self: number;
  readonly #reports: Reports;
  readonly #bias: number;
  readonly #speeds: readonly Speed[];
  readonly #here: Speed;
  readonly #works = new Map<FunctionModel, FunctionWork>();
  #peers: readonly SimPeer[] | undefined;
  #local: Here | undefined;
  #judgedMs = Number.NEGATIVE_INFINITY;

  constructor(mesh: SimMesh, { self, reports, speeds, bias = defaultLocalBias }: OurOptions & Shared) {
    this.#mesh = mesh;
    this.#self = self;
    this.#reports = reports;
    this.#bias = bias;
    this.#speeds = speeds;
    this.#here = speedOf(speeds[self]?.capacityRate ?? 1);
  }

  choose(call: SimCall): number {
    const local = this.#load();
    this.#local = local;
    const work = this.#work(call);
    const { random } = this.#mesh;
    const choice = choose<SimPeer>({ local, peers: this.#refresh(), work, random, bias: this.#bias });
    return typeof choice === "string" ? this.#self : choice.node;
  }

  again(call: SimCall): number {
    const local = this.#load();
    this.#local = local;
    const peers = this.#refresh();
    const except = peers.find(({ node }) => node === call.at);
    const { random } = this.#mesh;
    const peer = chooseAway<SimPeer>({ local, peers, work: this.#work(call), random, bias: this.#bias, except });
    return peer?.node ?? this.#self;
  }

  queueTimeoutMs(call: SimCall, node: number): number | undefined {
    const peer = this.#peer(node);
    if (peer === undefined || this.#local === undefined) return undefined;
    return queueTimeoutMs<SimPeer>(peer, { local: this.#local, work: this.#work(call) });
  }

  sent(_call: SimCall, node: number): void {
    const peer = this.#peer(node);
    if (peer === undefined) return;
    peer.sent(this.#mesh.now);
  }

  answered(call: SimCall, node: number, { end, runMs, report }: SimAnswer): void {
    const { now } = this.#mesh;
    const peer = node === this.#self ? undefined : this.#peer(node);
    const speed = peer?.speed ?? this.#here;
    if (end === "ok") this.#work(call).observe({ speed, serviceMs: runMs, now });
    if (peer === undefined) {
      this.#here.refresh(now);
      return;
    }
    peer.outstanding--;
    peer.receiveReport(report);
    if (end === "failed" && peer.health?.failed(now)) peer.usable = false;
    else if (end === "ok") peer.health?.answered(now);
  }

  #load(): Here {
    return { available: true, ...(this.#mesh.nodes[this.#self] as SimNode).report() };
  }

  /** All peers, refreshed. */
  #refresh(): readonly SimPeer[] {
    this.#peers ??= this.#mesh.nodes.filter(({ id }) => id !== this.#self).map(({ id }) => this.#peerOf(id));
    const { now } = this.#mesh;
    const judging = now - this.#judgedMs >= lookMs + lookPerPeerMs * this.#peers.length;
    if (judging) this.#judgedMs = now;
    for (const peer of this.#peers) {
      peer.receiveReport(this.#reports.latest(peer.node, now - peer.rttMs / 2));
      peer.refresh(now, judging);
    }
    return this.#peers;
  }

  #peer(node: number): SimPeer | undefined {
    return this.#peers?.[node < this.#self ? node : node - 1];
  }

  #peerOf(node: number): SimPeer {
    const speed = this.#speeds[node] ?? speedOf(1);
    return new SimPeer(node, { speed, rttMs: this.#mesh.rttMs(this.#self, node) });
  }

  /** The work of a function, of which peers have sent estimates before the simulation begins. */
  #work({ function: model }: SimCall): FunctionWork {
    let work = this.#works.get(model);
    if (work === undefined) {
      work = new FunctionWork({ revision: "", name: model.name }, this.#here);
      work.addEstimate({ units: model.meanUnits, samples: 100, by: "" });
      this.#works.set(model, work);
    }
    return work;
  }
}

/**
 * The policy of src/invoke: choose.ts, finish.ts, function-work.ts, speed.ts, pace.ts and outlier-ejection.ts, as
 * mesh-invoker.ts uses them.
 */
export function ourPolicy(options: OurOptions = {}): PlacementPolicy {
  return {
    name: options.name ?? "wasmherd",
    start: (mesh) => {
      const speeds = mesh.scenario.machines.map(({ speed }) => speedOf(speed));
      return new Reports(mesh, (self, reports) => new OurBalancer(mesh, { self, reports, speeds, ...options }));
    },
  };
}

function speedOf(capacityRate: number): Speed {
  const speed = new Speed(longAgoMs);
  speed.capacityRate = capacityRate;
  speed.rate = capacityRate;
  return speed;
}
