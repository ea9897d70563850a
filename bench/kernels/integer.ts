// Kernel "integer": 64-bit multiplication and division, shifts, and branches that no predictor knows.

/** `iterations` rounds of a modular power and a binary greatest common divisor; their sum. */
export function run(iterations: u32): f64 {
  let state: u64 = 0x9e3779b97f4a7c15;
  let sum: u64 = 0;
  for (let i: u32 = 0; i < iterations; i++) {
    state = next(state);
    sum += power(state >> 33, state & 0xffff, (state >> 35) | 1);
    sum ^= divisor(state >> 32, (state & 0xffffffff) | 1);
  }
  return <f64>(sum >> 11);
}

/** Marsaglia's xorshift64. */
function next(state: u64): u64 {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^ (state << 17);
}

function power(base: u64, exponent: u64, modulus: u64): u64 {
  let result: u64 = 1;
  base %= modulus;
  while (exponent > 0) {
    if (exponent & 1) result = (result * base) % modulus;
    base = (base * base) % modulus;
    exponent >>= 1;
  }
  return result;
}

/** Stein's algorithm; `b` is odd. */
function divisor(a: u64, b: u64): u64 {
  while (a != 0) {
    a >>= ctz(a);
    if (a < b) {
      const smaller = a;
      a = b;
      b = smaller;
    }
    a -= b;
  }
  return b;
}
