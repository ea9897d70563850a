// Why a peer does not take a call.

/**
 * Why a call was refused. Nothing ran, but for `too-large` when it is the result that does not fit a frame, and `draining` when the
 * node had to stop it.
 */
export const refusals = ["busy", "unknown", "draining", "too-large", "heavy"] as const;

/** One of {@link refusals}. */
export type Refusal = (typeof refusals)[number];
