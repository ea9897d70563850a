// Why calls went where they went: the last decisions of a node that had peers to choose from, for people who ask.

import type { Candidate, Choice } from "./choose.js";
import { estimateWaitMs, type Here, type Load, type Waiting } from "./finish.js";
import type { Invocation } from "./invoker.js";

/** A peer as it looked when it was chosen. */
export interface PeerThen extends Waiting {
  readonly nodeId: string;
}

/** What a choice came to: see {@link Choice}; `large`: its arguments take too long to move; `peer`: away; `home`: no peer was left to try. */
export type Way = Extract<Choice<never>, string> | "large" | "peer" | "home";

/** How a peer took a call; `failed` with an error for its caller. */
export type Taken = "answered" | "failed" | "refused" | "lost";

/** One choice: what this node looked like then, and the peer if one was chosen. `taken` is undefined while nothing came back. */
export interface Step {
  readonly way: Way;
  readonly here: Here;
  readonly peer: PeerThen | undefined;
  taken: Taken | undefined;
}

/** What was decided for a call, in order: a peer that refused or lost it makes for another step. `at` is epoch ms. */
export interface Decision {
  readonly invocation: string;
  readonly at: number;
  readonly app: string;
  readonly revision: string;
  readonly function: string;
  /** Peers that could run the revision. */
  readonly peers: number;
  readonly steps: Step[];
}

/** A load with the milliseconds that a call was expected to wait there, round trip included; null: it takes none. */
export interface Expected extends Load {
  readonly expectedMs: number | null;
}

/** A {@link Step} with what was expected of both sides. */
export interface StepView {
  readonly way: Way;
  readonly here: Expected & { readonly available: boolean };
  readonly peer: (Expected & PeerThen) | undefined;
  readonly taken: Taken | undefined;
}

/** A {@link Decision} to be shown. */
export interface DecisionView extends Omit<Decision, "steps"> {
  readonly steps: readonly StepView[];
}

/** The last decisions of a node; the oldest leave first. Keeps no arguments. */
export class Decisions {
  readonly #ring: Decision[] = [];
  readonly #size: number;
  #next = 0;

  constructor(size = 1_000) {
    this.#size = size;
  }

  /** Keeps the decision for a call with its first step. */
  add(invocation: Invocation, { at, peers, step }: { at: number; peers: number; step: Step }): Decision {
    const { app, function: name } = invocation;
    const decision: Decision = {
      invocation: invocation.invocation,
      at,
      app: app.app,
      revision: app.prepared.revision,
      function: name,
      peers,
      steps: [step],
    };
    this.#ring[this.#next] = decision;
    this.#next = (this.#next + 1) % this.#size;
    return decision;
  }

  /** What was decided for a call; undefined when it is too long ago, or there was nothing to decide here. */
  find(invocation: string): DecisionView | undefined {
    const decision = this.#ring.find((kept) => kept.invocation === invocation);
    return decision && { ...decision, steps: decision.steps.map(viewOf) };
  }
}

/** A step from a choice, made at the moment of it: what is known of a peer changes. */
export function stepOf(choice: Candidate | Exclude<Way, "peer">, here: Here): Step {
  if (typeof choice === "string") return { way: choice, here, peer: undefined, taken: undefined };
  const { nodeId, slots, running, queued, runMs, rttMs, inFlight } = choice;
  return { way: "peer", here, peer: { nodeId, slots, running, queued, runMs, rttMs, inFlight }, taken: undefined };
}

function viewOf({ way, here: { lightUnits: _, ...here }, peer, taken }: Step): StepView {
  return {
    ...{ way, taken },
    here: { ...here, expectedMs: here.available ? finite(estimateWaitMs(here)) : null },
    peer: peer && {
      ...peer,
      expectedMs: finite((peer.rttMs ?? 0) + estimateWaitMs(peer, { inFlight: peer.inFlight, runMs: here.runMs })),
    },
  };
}

function finite(ms: number): number | null {
  return Number.isFinite(ms) ? ms : null;
}
