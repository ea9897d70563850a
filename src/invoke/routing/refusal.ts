// Load shedding: the reasons for which a node refuses a call of a peer.

/**
 * Why a call was refused. The function did not run, except for `too-large` when its result does not fit a frame, and
 * for `draining` when the node preempted the call.
 */
export const refusals = ["busy", "unknown", "draining", "too-large", "heavy"] as const;

/** One of {@link refusals}. */
export type Refusal = (typeof refusals)[number];
