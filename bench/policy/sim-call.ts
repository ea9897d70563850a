// A call on its way through a simulated mesh.

import type { FunctionModel } from "./scenario.js";

/** One call. */
export interface SimCall {
  readonly id: number;
  readonly function: FunctionModel;
  /** The call's work. Only the node that runs it and the clairvoyant bound may read it. */
  readonly units: number;
  /** The node whose client sent it. */
  readonly entry: number;
  readonly arrivedMs: number;
  /** Peers that had the call. */
  readonly tried: number[];
  /** The node that has the call, and since when it was last sent there. */
  at: number;
  sentMs: number;
  /** When its current run began, and the number of that run: a preempted run ends without effect. */
  startedMs: number;
  run: number;
}

/** How a node handled a call. `refused`: nothing ran, or not to its end; `failed`: by the node's own fault. */
export type SimEnd = "ok" | "failed" | "refused";
