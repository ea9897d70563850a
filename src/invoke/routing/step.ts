// One choice of a call's way, as it looked when it was made: what is known of a node changes.

import type { Candidate, Choice, Trace, WhyNot } from "./choose.js";
import { finishMs, type Here, type Load, localFinishMs, type Waiting, type Work } from "./finish.js";
import type { Refusal } from "./refusal.js";

/** A peer as it looked when it was chosen. */
export interface PeerThen extends Waiting {
  readonly nodeId: string;
  readonly lightUnits: number;
}

/**
 * What a choice came to: see {@link Choice}; `large`: its arguments take too long to move; `peer`: away; `home`: no peer was left to
 * try; `stopped`: here, since no peer takes what this node had to stop.
 */
export type Way = Extract<Choice<never>, string> | "large" | "peer" | "home" | "stopped";

/** How a peer took a call; `failed` with an error of the function; the peer itself was `broken`. */
export type Taken = "answered" | "failed" | "refused" | "lost" | "broken";

/** Why a peer refused: see {@link Refusal}; `link`: its link would not take the call. */
export type RefusedFor = Refusal | "link";

/** One choice: what this node looked like then, and the peer if one was chosen. `taken` is undefined while nothing came back. */
export interface Step {
  readonly way: Way;
  readonly here: Here;
  readonly peer: PeerThen | undefined;
  readonly work: WorkThen;
  readonly sample: Sample | undefined;
  taken: Taken | undefined;
  /** Why it was refused, when it was. */
  refusal: RefusedFor | undefined;
}

/** The call's work units (undefined: nobody knew), and the units that a worker does in a millisecond here and at the chosen peer. */
export interface WorkThen {
  readonly units: number | undefined;
  readonly hereRate: number;
  readonly peerRate: number;
}

/** All that a choice was made from: for some calls only, since it costs. Candidates are those drawn and then the weightiest. */
export interface Sample {
  readonly candidates: readonly CandidateThen[];
  /** Node ids in the order of the draws. */
  readonly draws: readonly string[];
}

/** A candidate: its weight, its work units per millisecond of a worker, and the milliseconds until its answer. */
export interface CandidateThen {
  readonly nodeId: string;
  readonly weight: number;
  readonly rate: number;
  readonly expectedMs: number | null;
  readonly whyNot: WhyNot | null;
  /** The heaviest call that its owner takes, in work units; null for any. */
  readonly lightUnits: number | null;
}

/** More candidates of one choice are not kept. */
const maxCandidates = 64;

/** What a step is made of. */
export interface StepInput<Peer> {
  readonly here: Here;
  readonly work: Work<Peer>;
  readonly trace?: Trace<Peer> | undefined;
}

/** A step from a choice, made at the moment of it. */
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
 * A load with the milliseconds until the answer that were expected then, null where none is taken, and the heaviest
 * call that the owner takes, in work units, null where none is too heavy.
 */
export interface Expected extends Load {
  readonly expectedMs: number | null;
  readonly lightUnits: number | null;
}

/** A {@link Step} with what was expected of both sides. */
export interface StepView {
  readonly way: Way;
  readonly here: Expected & { readonly available: boolean };
  readonly peer: (Expected & Omit<PeerThen, "lightUnits">) | undefined;
  readonly units: number | undefined;
  readonly sample: Sample | undefined;
  readonly taken: Taken | undefined;
  readonly refusal: RefusedFor | undefined;
}

/** A step to be shown. */
export function viewOf({ way, here, peer, work, sample, taken, refusal }: Step): StepView {
  const { units, hereRate, peerRate } = work;
  const then: Work<Waiting> = { units, hereRate, rateAt: () => peerRate };
  const { lightUnits, long, longWorkers, shortMs, ...load } = here;
  return {
    ...{ way, taken, refusal, units, sample },
    here: {
      ...{ ...load, lightUnits: finite(lightUnits) },
      expectedMs: here.available ? finite(localFinishMs(here, then)) : null,
    },
    peer: peer && {
      ...{ ...peer, lightUnits: finite(peer.lightUnits) },
      expectedMs: finite(finishMs(peer, { local: here, work: then })),
    },
  };
}

function sampleOf<Peer extends Candidate>({ candidates, draws }: Trace<Peer>): Sample {
  const kept = candidates.length <= maxCandidates ? candidates : weightiest({ candidates, draws });
  return {
    candidates: kept.map(({ peer, weight, rate, finishMs: ms, whyNot = null }) => ({
      ...{ nodeId: peer.nodeId, weight, rate, expectedMs: finite(ms), whyNot, lightUnits: finite(peer.lightUnits) },
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
