// Functions that bench/invoke.ts calls: a scalar function, and one that keeps a worker busy.

export function add(a: i32, b: i32): i32 {
  return a + b;
}

/** Works for about a millisecond per thousand of `steps`, depending on the machine. */
export function work(steps: u32): u32 {
  let x: u32 = 2463534242;
  for (let i: u32 = 0; i < steps * 1000; i++) {
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
  }
  return x;
}
