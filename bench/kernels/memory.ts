// Kernel "memory": a[i] = a[i] * s + b[i] over 8 MiB, as in STREAM: more than the second-level cache of a core holds.

/** Numbers in one array: 4 MiB. */
const length = 1 << 19;
/** Numbers that one iteration goes over: 32 KiB of each array. */
const block = 1 << 12;

/** Goes over `iterations` blocks, again and again from the start; the sum of some elements. */
export function run(iterations: u32): f64 {
  const a = new StaticArray<f64>(length);
  const b = new StaticArray<f64>(length);
  fill(a, 1.0);
  fill(b, 0.5);
  let at = 0;
  for (let i: u32 = 0; i < iterations; i++) {
    stream(a, b, at);
    at = (at + block) & (length - 1);
  }
  let sum = 0.0;
  for (let i = 0; i < length; i += block) sum += a[i];
  return sum;
}

function fill(array: StaticArray<f64>, value: f64): void {
  for (let i = 0; i < length; i++) unchecked((array[i] = value));
}

/** It tends to b / (1 - s), so nothing overflows or becomes denormal. */
function stream(a: StaticArray<f64>, b: StaticArray<f64>, from: i32): void {
  for (let i = from; i < from + block; i += 4) {
    unchecked((a[i] = a[i] * 0.75 + b[i]));
    unchecked((a[i + 1] = a[i + 1] * 0.75 + b[i + 1]));
    unchecked((a[i + 2] = a[i + 2] * 0.75 + b[i + 2]));
    unchecked((a[i + 3] = a[i + 3] * 0.75 + b[i + 3]));
  }
}
