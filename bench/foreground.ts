// A program as an owner uses it: it sleeps for 5 ms, wakes up, computes for some 2 ms, in a loop, and records how late
// it woke and how long it computed. Arguments: seconds, and steps of a computation; with 0 steps it prints how many
// take 2 ms.

const [, , seconds = "1", given = "0"] = process.argv;
const sleepMs = 5;
const frameMs = 2;
const cell = new Int32Array(new SharedArrayBuffer(4));
/** Printed at the end, so that the engine cannot leave out a computation. */
let checksum = 0;

/** Xorshift (Marsaglia, 2003). */
function compute(steps: number): void {
  let x = 2_463_534_242;
  for (let step = 0; step < steps; step++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
  }
  checksum ^= x;
}

/** Steps of 2 ms on an otherwise unused core: the fastest of many tries is the least disturbed. */
function calibrated(): number {
  const steps = 100_000;
  let fastest = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 500; run++) {
    const from = performance.now();
    compute(steps);
    fastest = Math.min(fastest, performance.now() - from);
  }
  return Math.round((steps * frameMs) / fastest);
}

function frames(forMs: number, steps: number): { lateMs: number[]; computedMs: number[] } {
  const lateMs: number[] = [];
  const computedMs: number[] = [];
  for (const end = performance.now() + forMs; performance.now() < end; ) {
    const slept = performance.now();
    Atomics.wait(cell, 0, 0, sleepMs);
    const woke = performance.now();
    compute(steps);
    computedMs.push(performance.now() - woke);
    lateMs.push(woke - slept - sleepMs);
  }
  return { lateMs, computedMs };
}

const steps = Number(given);
if (steps === 0) console.log(JSON.stringify({ steps: calibrated(), checksum }));
else {
  // The first frames run unoptimized.
  frames(500, steps);
  console.log(JSON.stringify({ ...frames(1_000 * Number(seconds), steps), checksum }));
}
