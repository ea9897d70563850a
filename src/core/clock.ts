// Time as a dependency: what depends on time takes a clock, so that tests can own it.

/**
 * Two clocks in milliseconds: `now` is since the epoch and may jump, `monotonic` never goes back and has no fixed
 * start.
 */
export interface Clock {
  now(): number;
  monotonic(): number;
}

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
