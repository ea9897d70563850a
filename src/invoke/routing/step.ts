// One choice in a call's way, with what was known of the nodes then: their state changes afterwards.

import type { Candidate, Choice, Trace, WhyNot } from "./choose.js";
import { finishMs, type Here, type Load, localFinishMs, type Waiting, type Work } from "./finish.js";
import type { Refusal } from "./refusal.js";

/** A peer as it was when it was chosen. */
interface PeerThen extends Waiting {
  readonly nodeId: string;
  readonly lightUnits: number;
}

/**
 * Result of a choice, see {@link Choice}. `large`: here, since the arguments take too long to move; `peer`: at a peer;
 * `home`: here, since no peer was left to try; `stopped`: here, since no peer takes the call that this node preempted.
 */
export type Way = Extract<Choice<never>, string> | "large" | "peer" | "home" | "stopped";

/** How a peer handled a call. `failed`: the function failed; `broken`: the peer itself failed. */
type Taken = "answered" | "failed" | "refused" | "lost" | "broken";

/** Why a peer refused: see {@link Refusal}; `link`: its link layer refused the request. */
export type RefusedFor = Refusal | "link";

/**
 * One choice: the state of this node then, and the peer if one was chosen. `taken` is undefined until the peer answers.
 */
export interface Step {
  readonly way: Way;
  readonly here: Here;
  readonly peer: PeerThen | undefined;
  readonly work: WorkThen;
  readonly sample: Sample | undefined;
  taken: Taken | undefined;
  /** Why the peer refused the call, when it did. */
  refusal: RefusedFor | undefined;
}

/**
 * The call's work units (undefined without an estimate), and the units that a worker does in a millisecond here and at
 * the chosen peer.
 */
interface WorkThen {
  readonly units: number | undefined;
  readonly hereRate: number;
  readonly peerRate: number;
}

/**
 * All inputs of a choice. Kept for some calls only, since that costs time. Candidates are the drawn peers, then those
 * with the largest weights.
 */
interface Sample {
  readonly candidates: readonly CandidateThen[];
  /** Node ids in the order of the draws. */
  readonly draws: readonly string[];
}

/**
 * A candidate: its weight, the work units that its worker does in a millisecond, and the expected milliseconds until
 * its result.
 */
interface CandidateThen {
  readonly nodeId: string;
  readonly weight: number;
  readonly rate: number;
  readonly expectedMs: number | null;
  readonly whyNot: WhyNot | null;
  /** The heaviest call that the peer's owner takes, in work units; null for any. */
  readonly lightUnits: number | null;
}

/** Candidates that are kept of one choice. */
const maxCandidates = 64;

/** Inputs of a step. */
export interface StepInput<Peer> {
  readonly here: Here;
  readonly work: Work<Peer>;
  readonly trace?: Trace<Peer> | undefined;
}

/** Makes the step of a choice, at the moment of the choice. */
export function stepOf<Peer extends Candidate>(choice: Peer | Exclude<Way, "peer">, input: StepInput<Peer>): Step {
  const { here, work, trace } = input;
  const sample = trace === undefined ? undefined : sampleOf(trace);
  const { units, hereRate } = work;
  if (typeof choice === "string") {
    const then = { units, hereRate, peerRate: 1 };
    return { way: choice, here, peer: undefined, work: then, sample, taken: undefined, refusal: undefined };
  }
  const { nodeId, slots, running, queued, serviceMs, rttMs, inFlight, lightUnits } = choice;
  const peer = { nodeId, slots, running, queued, serviceMs, rttMs, inFlight, lightUnits };
  const then = { units, hereRate, peerRate: work.rateAt(choice) };
  return { way: "peer", here, peer, work: then, sample, taken: undefined, refusal: undefined };
}

/**
 * A load with the milliseconds until the result that were expected then, null where no call is taken; and the heaviest
 * call that the owner takes, in work units, null where no call is too heavy.
 */
export interface Expected extends Load {
  readonly expectedMs: number | null;
  readonly lightUnits: number | null;
}

/** A {@link Step} with the expectations of both sides, to be shown. */
export interface StepView {
  readonly way: Way;
  readonly here: Expected & { readonly available: boolean };
  readonly peer: (Expected & Omit<PeerThen, "lightUnits">) | undefined;
  readonly units: number | undefined;
  readonly sample: Sample | undefined;
  readonly taken: Taken | undefined;
  readonly refusal: RefusedFor | undefined;
}

/** The step as it is shown. */
export function viewOf({ way, here, peer, work, sample, taken, refusal }: Step): StepView {
  const { units, hereRate, peerRate } = work;
  const then: Work<Waiting> = { units, hereRate, rateAt: () => peerRate };
  const { lightUnits, long, longWorkers, shortMs, ...load } = here;
  return {
    way,
    taken,
    refusal,
    units,
    sample,
    here: {
      ...load,
      lightUnits: finite(lightUnits),
      expectedMs: here.available ? finite(localFinishMs(here, then)) : null,
    },
    peer: peer && {
      ...peer,
      lightUnits: finite(peer.lightUnits),
      expectedMs: finite(finishMs(peer, { local: here, work: then })),
    },
  };
}

function sampleOf<Peer extends Candidate>({ candidates, draws }: Trace<Peer>): Sample {
  const kept = candidates.length <= maxCandidates ? candidates : weightiest({ candidates, draws });
  return {
    candidates: kept.map(({ peer, weight, rate, finishMs: ms, whyNot = null }) => ({
      nodeId: peer.nodeId,
      weight,
      rate,
      expectedMs: finite(ms),
      whyNot,
      lightUnits: finite(peer.lightUnits),
    })),
    draws: draws.map(({ nodeId }) => nodeId),
  };
}

function weightiest<Peer>({ candidates, draws }: Pick<Trace<Peer>, "candidates" | "draws">): Trace<Peer>["candidates"] {
  const rank = (peer: Peer): number => (draws.includes(peer) ? 1 : 0);
  const sorted = candidates.toSorted((one, other) => rank(other.peer) - rank(one.peer) || other.weight - one.weight);
  return sorted.slice(0, maxCandidates);
}

function finite(ms: number): number | null {
  return Number.isFinite(ms) ? ms : null;
}
