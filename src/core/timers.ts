// Waiting as a dependency: a protocol that waits takes timers, so that a simulation can own its time.

/** Runs things later. A timer never keeps the process alive. */
export interface Timers {
  /** Calls `run` once after `ms` milliseconds, unless the function that is returned was called before. */
  after(ms: number, run: () => void): () => void;
}

/** The event loop's own timers. */
export const systemTimers: Timers = {
  after: (ms, run) => {
    const timer = setTimeout(run, ms).unref();
    return () => clearTimeout(timer);
  },
};

/** A source of numbers in [0, 1), as `Math.random`; seeded in simulations. It guards nothing. */
export type Random = () => number;

/** Waits so long, or until the signal aborts: it resolves then too. */
export function pause(ms: number, { timers, signal }: { timers: Timers; signal: AbortSignal }): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = timers.after(ms, done);
    signal.addEventListener("abort", done);
  });
}
