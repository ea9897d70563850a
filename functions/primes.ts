// Prime numbers: the sieve of Eratosthenes, and trial division for one number.

const maxLimit: u32 = 20_000_000;

/** The odd-only sieve: byte i stands for the number 2i + 1. */
function sieve(limit: u32): StaticArray<bool> {
  if (limit > maxLimit) throw new RangeError(`limit must be at most ${maxLimit}`);
  const half = (limit + 1) / 2;
  const composite = new StaticArray<bool>(<i32>half);
  for (let i: u32 = 1; ; i++) {
    const prime: u32 = i * 2 + 1;
    if (prime * prime > limit) break;
    if (unchecked(composite[i])) continue;
    for (let j: u32 = (prime * prime) / 2; j < half; j += prime) unchecked((composite[j] = true));
  }
  return composite;
}

/** How many primes there are up to `limit`, itself included; `limit` is at most 20,000,000. */
export function count(limit: u32): u32 {
  if (limit < 2) return 0;
  const composite = sieve(limit);
  let found: u32 = 1;
  for (let i = 1; i < composite.length; i++) if (!unchecked(composite[i])) found++;
  return found;
}

/** The primes up to `limit`, itself included. */
export function list(limit: u32): Array<u32> {
  const primes = new Array<u32>();
  if (limit < 2) return primes;
  primes.push(2);
  const composite = sieve(limit);
  for (let i = 1; i < composite.length; i++) if (!unchecked(composite[i])) primes.push(<u32>i * 2 + 1);
  return primes;
}

/** The prime factors of `n`, smallest first, repeated as often as they divide it. */
export function factors(n: u64): Array<u64> {
  const found = new Array<u64>();
  let rest = n;
  for (let d: u64 = 2; d * d <= rest; d += d == 2 ? 1 : 2) {
    while (rest % d == 0) {
      found.push(d);
      rest /= d;
    }
  }
  if (rest > 1) found.push(rest);
  return found;
}
