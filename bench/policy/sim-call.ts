// A call on its way through a simulated mesh.

import type { FunctionModel } from "./scenario.js";

/** One call. */
export interface SimCall {
  readonly id: number;
  readonly function: FunctionModel;
  /** What it takes. Only the node that runs it and the clairvoyant bound may look. */
  readonly units: number;
  /** The node whose client sent it. */
  readonly entry: number;
  readonly arrivedMs: number;
  /** Nodes that it was at, its own aside. */
  readonly tried: number[];
  /** Where it is, and since when it was last sent there. */
  at: number;
  sentMs: number;
  /** When its present run began, and the number of that run: one that was preempted ends without effect. */
  startedMs: number;
  run: number;
}

/** How a node took a call. `refused`: nothing ran, or not to its end; `failed`: by the node's own fault. */
export type SimEnd = "ok" | "failed" | "refused";
