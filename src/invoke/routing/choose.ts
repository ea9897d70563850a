// Here or one hop: chooses where a call runs, from what is known of this node, its peers and the call's work. Pure.

import type { Random } from "../../core/timers.js";
import { finishMs, type Here, isIdle, localFinishMs, type Waiting, type Work } from "./finish.js";

/** A peer that holds the revision. */
export interface Candidate extends Waiting {
  readonly nodeId: string;
  /** Whether calls may go there: alive, with a recent report, not draining, not ejected. */
  readonly usable: boolean;
  /** Why the peer is not usable, for people; undefined when it is usable. */
  readonly whyNot?: WhyNot | undefined;
  /** The peer takes no call of more work units; see {@link Here}. */
  readonly lightUnits: number;
  /** Share of recent calls that failed through the peer's fault, 0 to 1. */
  readonly errorRate: number;
  /** 0 to 1: the share of its weight that a peer has after it joined or came back (slow start, against cold starts). */
  readonly warmth: number;
}

/**
 * Why a peer is not drawn. `silent`: no recent report; `suspect`: it may be dead; `ejected`: it failed too often;
 * `full`: too many calls of this node are there; `owner`: its owner leaves calls no worker; `heavy`: the call has more
 * work units than its owner takes.
 */
export type WhyNot = "silent" | "suspect" | "draining" | "ejected" | "full" | "owner" | "heavy";

/** What to choose from. */
export interface ChoiceInput<Peer extends Candidate> {
  readonly local: Here;
  readonly peers: readonly Peer[];
  readonly work: Work<Peer>;
  readonly random: Random;
  /**
   * A peer is chosen only if its expected finish × bias is sooner than this node's. More keeps calls here, where
   * nothing is estimated from a distance; less evens out load sooner. At least 1.
   */
  readonly bias: number;
  /** A peer that had the call before. */
  readonly except?: Peer | undefined;
  /** Filled with the reasons of the choice. */
  readonly trace?: Trace<Peer> | undefined;
}

/**
 * `local`: here, where a worker is idle. `queue`: here, behind the calls that wait: no peer is expected to finish
 * sooner. `none`: no node can run the call.
 */
export type Choice<Peer> = Peer | "local" | "queue" | "none";

/** How a choice was made, for people. Filled by {@link choose} and {@link chooseAway}. */
export interface Trace<Peer> {
  /** All peers except the one tried before, with the expected milliseconds until the result. */
  readonly candidates: {
    readonly peer: Peer;
    readonly weight: number;
    readonly rate: number;
    readonly finishMs: number;
    readonly whyNot: WhyNot | undefined;
  }[];
  /** The drawn peers, in order. */
  readonly draws: Peer[];
  /** Expected milliseconds until the call ends here; undefined when it cannot run here. */
  localMs: number | undefined;
}

/** The largest number below 1. */
const almostOne = 1 - 2 ** -53;

/**
 * Sums of the weights up to each peer, while a choice is made: a new array for each call would be most of the choice's
 * cost.
 */
let sums = new Float64Array(64);

/**
 * Chooses where a call runs.
 * Local while a worker is idle here and the call is light enough for this node's owner. Of several workers, the last
 * idle one is for calls that are not long: a long call would block them.
 * Otherwise two peers are drawn by weight, and the one with the sooner expected finish wins (the power of two choices:
 * Mitzenmacher 2001; by weight: Wieder 2007), if it also finishes sooner than this node by the factor of the bias.
 * A call that is too heavy for the owner goes to any peer with a free worker, but waits at no peer for longer than
 * here.
 */
export function choose<Peer extends Candidate>(input: ChoiceInput<Peer>): Choice<Peer> {
  const { local, work, bias, trace } = input;
  const { available } = local;
  const isTaken = available && (work.units ?? 0) <= local.lightUnits;
  if (trace !== undefined && available) trace.localMs = localFinishMs(local, work);
  if (isTaken && isIdle(local, work)) {
    if (trace !== undefined) fillTrace(input, trace);
    return "local";
  }
  const here = local.running + local.queued < local.slots ? "local" : "queue";
  const peer = chooseAway(input);
  if (peer === undefined) return available ? here : "none";
  if (!available) return peer;
  const factor = isTaken ? bias : isFull(peer) ? 1 : 0;
  if (isBetterHere(peer, local) || finishMs(peer, { local, work }) * factor >= localFinishMs(local, work)) return here;
  return peer;
}

/**
 * Chooses after a refusal: as {@link chooseAway}, but undefined where a worker is free here and the drawn peer would
 * queue the call: then this node is next.
 */
export function chooseAgain<Peer extends Candidate>(input: ChoiceInput<Peer>): Peer | undefined {
  const peer = chooseAway(input);
  return peer === undefined || isBetterHere(peer, input.local) ? undefined : peer;
}

/** A free worker here is better than a queue there, whatever its estimate. */
function isBetterHere(peer: Candidate, { available, running, queued, slots }: Here): boolean {
  return available && running + queued < slots && isFull(peer);
}

/** Whether a call that is sent there now would wait. */
function isFull({ running, queued, inFlight, slots }: Candidate): boolean {
  return running + queued + inFlight >= slots;
}

/**
 * The better of two weighted draws without replacement among the peers, however busy; undefined when no peer has a
 * weight.
 */
export function chooseAway<Peer extends Candidate>(input: ChoiceInput<Peer>): Peer | undefined {
  const { local, peers, work, random, trace } = input;
  const total = sum(input);
  if (trace !== undefined) fillTrace(input, trace);
  if (total <= 0) return undefined;
  const at = find(random() * total, peers.length);
  const first = peers[at] as Peer;
  trace?.draws.push(first);
  const next = findOther(random(), { at, count: peers.length });
  if (next === undefined) return first;
  const second = peers[next] as Peer;
  trace?.draws.push(second);
  return finishMs(second, { local, work }) < finishMs(first, { local, work }) ? second : first;
}

/**
 * A peer's weight in the draw, where one of its workers does `rate` work units in a millisecond: units per second (over
 * 1,000) of all its slots, reduced for errors and during slow start. 0 when the peer must not be drawn.
 */
export function weightOf(peer: Candidate, rate: number): number {
  if (!peer.usable || peer.slots <= 0) return 0;
  const sound = 1 - peer.errorRate;
  return rate * peer.slots * sound * sound * peer.warmth;
}

/** The weight for a call; 0 when the call is too heavy for the peer's owner. */
function weightFor<Peer extends Candidate>(peer: Peer, { work, except }: ChoiceInput<Peer>): number {
  if (peer === except || (work.units ?? 0) > peer.lightUnits) return 0;
  return weightOf(peer, work.rateAt(peer));
}

/** Fills {@link sums} and returns the last sum. */
function sum<Peer extends Candidate>(input: ChoiceInput<Peer>): number {
  const { peers } = input;
  if (sums.length < peers.length) sums = new Float64Array(peers.length * 2);
  let total = 0;
  for (let index = 0; index < peers.length; index++) {
    total += weightFor(peers[index] as Peer, input);
    sums[index] = total;
  }
  return total;
}

/** A draw among the peers except the one at `at`; undefined when no other peer has a weight. */
function findOther(random: number, { at, count }: { at: number; count: number }): number | undefined {
  const total = sums[count - 1] ?? 0;
  const upTo = sums[at] ?? 0;
  const before = at === 0 ? 0 : (sums[at - 1] ?? 0);
  if (before <= 0 && upTo >= total) return undefined;
  const point = random * (total - (upTo - before));
  if (point < before) return find(point, at);
  // Rounding errors of the sums: the bounds keep the point outside the peer drawn before, and below the end.
  if (upTo < total) return find(Math.max(upTo, Math.min(point + upTo - before, total * almostOne)), count);
  return find(before * almostOne, at);
}

/** The first of `count` peers whose sum is above the point; its weight is not 0. */
function find(point: number, count: number): number {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sums[middle] ?? 0) > point) high = middle;
    else low = middle + 1;
  }
  return low;
}

function fillTrace<Peer extends Candidate>(input: ChoiceInput<Peer>, { candidates }: Trace<Peer>): void {
  const { peers, work, local, except } = input;
  for (const peer of peers) {
    if (peer === except) continue;
    const weight = weightFor(peer, input);
    const whyNot = weight > 0 ? undefined : whyNotOf(peer, work.units ?? 0);
    candidates.push({ peer, weight, rate: work.rateAt(peer), finishMs: finishMs(peer, { local, work }), whyNot });
  }
}

function whyNotOf(peer: Candidate, units: number): WhyNot | undefined {
  if (!peer.usable) return peer.whyNot;
  return peer.slots <= 0 ? "owner" : units > peer.lightUnits ? "heavy" : undefined;
}
