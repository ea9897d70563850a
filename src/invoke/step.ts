// One choice of a call's way, as it looked when it was made: what is known of a node changes.

import type { Candidate, Choice, Trace } from "./choose.js";
import { finishMs, type Here, type Load, localFinishMs, type Waiting, type Work } from "./finish.js";

/** A peer as it looked when it was chosen. */
export interface PeerThen extends Waiting {
  readonly nodeId: string;
}

/**
 * What a choice came to: see {@link Choice}; `large`: its arguments take too long to move; `peer`: away; `home`: no peer was left to
 * try; `stopped`: here, since no peer takes what this node had to stop.
 */
export type Way = Extract<Choice<never>, string> | "large" | "peer" | "home" | "stopped";

/** How a peer took a call; `failed` with an error of the function; the peer itself was `broken`. */
export type Taken = "answered" | "failed" | "refused" | "lost" | "broken";

/** One choice: what this node looked like then, and the peer if one was chosen. `taken` is undefined while nothing came back. */
export interface Step {
  readonly way: Way;
  readonly here: Here;
  readonly peer: PeerThen | undefined;
  readonly work: WorkThen;
  readonly sample: Sample | undefined;
  taken: Taken | undefined;
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
    return { way: choice, here, peer: undefined, work: { units, hereRate, peerRate: 1 }, sample, taken: undefined };
  }
  const { nodeId, slots, running, queued, serviceMs, rttMs, inFlight } = choice;
  const peer = { nodeId, slots, running, queued, serviceMs, rttMs, inFlight };
  return {
    way: "peer",
    here,
    peer,
    work: { units, hereRate, peerRate: work.rateAt(choice) },
    sample,
    taken: undefined,
  };
}

/** A load with the milliseconds until the answer that were expected then; null: it takes none. */
export interface Expected extends Load {
  readonly expectedMs: number | null;
}

/** A {@link Step} with what was expected of both sides. */
export interface StepView {
  readonly way: Way;
  readonly here: Expected & { readonly available: boolean };
  readonly peer: (Expected & PeerThen) | undefined;
  readonly units: number | undefined;
  readonly sample: Sample | undefined;
  readonly taken: Taken | undefined;
}

/** A step to be shown. */
export function viewOf({ way, here, peer, work, sample, taken }: Step): StepView {
  const { units, hereRate, peerRate } = work;
  const then: Work<Waiting> = { units, hereRate, rateAt: () => peerRate };
  const { lightUnits, long, longWorkers, shortMs, ...load } = here;
  return {
    ...{ way, taken, units, sample },
    here: { ...load, expectedMs: here.available ? finite(localFinishMs(here, then)) : null },
    peer: peer && { ...peer, expectedMs: finite(finishMs(peer, { local: here, work: then })) },
  };
}

function sampleOf<Peer extends Candidate>({ candidates, draws }: Trace<Peer>): Sample {
  const kept = candidates.length <= maxCandidates ? candidates : weightiest({ candidates, draws });
  return {
    candidates: kept.map(({ peer, weight, rate, finishMs: ms }) => ({
      ...{ nodeId: peer.nodeId, weight, rate, expectedMs: finite(ms) },
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
