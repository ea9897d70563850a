// Decisions: why recent calls went where they went, on a node that had peers to choose from; for `herd mesh why`.

import type { Invocation } from "../invoker.js";
import type { Trace } from "./choose.js";
import { type Step, type StepView, viewOf } from "./step.js";

/** The choices for a call, in order: a peer that refused or lost the call causes another step. `at` is epoch ms. */
export interface Decision {
  readonly invocation: string;
  readonly at: number;
  readonly app: string;
  readonly revision: string;
  readonly function: string;
  /** Peers that could run the revision. */
  readonly peers: number;
  /** The bias: how many times sooner than here a peer had to be expected to finish the call. */
  readonly bias: number;
  readonly steps: Step[];
}

/** A {@link Decision} to be shown. */
export interface DecisionView extends Omit<Decision, "steps"> {
  readonly steps: readonly StepView[];
}

/** This many choices a second are kept with all their candidates. */
const samplesPerSecond = 100;

/** The last decisions of a node, in a ring; the oldest is dropped first. Keeps no arguments. */
export class Decisions {
  readonly #ring: Decision[] = [];
  readonly #size: number;
  #next = 0;
  #samples = 0;
  #sampledAt = Number.NEGATIVE_INFINITY;

  constructor(size = 1_000) {
    this.#size = size;
  }

  /** The trace for a choice at that monotonic millisecond; undefined when enough choices were traced lately. */
  trace<Peer>(now: number): Trace<Peer> | undefined {
    const more = ((now - this.#sampledAt) / 1_000) * samplesPerSecond;
    this.#samples = Math.min(samplesPerSecond, this.#samples + more);
    this.#sampledAt = now;
    if (this.#samples < 1) return undefined;
    this.#samples--;
    return { candidates: [], draws: [], localMs: undefined };
  }

  /** Keeps the decision for a call with its first step. */
  add(invocation: Invocation, { step, ...rest }: Pick<Decision, "at" | "peers" | "bias"> & { step: Step }): Decision {
    const { app, function: name } = invocation;
    const decision: Decision = {
      invocation: invocation.id,
      app: app.app,
      revision: app.prepared.revision,
      function: name,
      ...rest,
      steps: [step],
    };
    this.#ring[this.#next] = decision;
    this.#next = (this.#next + 1) % this.#size;
    return decision;
  }

  /** The decision for a call; undefined when it is too old, or there was nothing to choose. */
  find(invocation: string): DecisionView | undefined {
    const decision = this.#ring.find((kept) => kept.invocation === invocation);
    return decision && { ...decision, steps: decision.steps.map(viewOf) };
  }
}
