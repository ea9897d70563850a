// Kernel "matrix": a blocked product of matrices of doubles, too large for the first-level cache, in blocks that fit.

/** Rows and columns: 72 KiB a matrix. */
const size = 96;
/** Rows and columns of a block: three of them are 13.5 KiB. */
const block = 24;
const strips = size / block;

/** Computes `iterations` strips of 24 rows of the product A * B, each anew; the trace of the result. */
export function run(iterations: u32): f64 {
  const a = new StaticArray<f64>(size * size);
  const b = new StaticArray<f64>(size * size);
  const c = new StaticArray<f64>(size * size);
  for (let i = 0; i < size * size; i++) {
    a[i] = <f64>((i * 7) % 13) * 0.125;
    b[i] = <f64>((i * 5) % 11) * 0.25;
  }
  for (let i: u32 = 0; i < iterations; i++) {
    strip(a, b, c, <i32>(i % strips) * block);
    // What was computed goes into the next: no strip can be left out.
    a[<i32>(i % <u32>(size * size))] = c[<i32>(i % strips) * block * size] * 1e-6;
  }
  let trace = 0.0;
  for (let i = 0; i < size; i++) trace += c[i * size + i];
  return trace;
}

function strip(a: StaticArray<f64>, b: StaticArray<f64>, c: StaticArray<f64>, row: i32): void {
  for (let i = row * size; i < (row + block) * size; i++) unchecked((c[i] = 0.0));
  for (let inner = 0; inner < size; inner += block) {
    for (let column = 0; column < size; column += block) times(a, b, c, row, inner, column);
  }
}

function times(a: StaticArray<f64>, b: StaticArray<f64>, c: StaticArray<f64>, row: i32, inner: i32, column: i32): void {
  for (let i = row; i < row + block; i++) {
    for (let n = inner; n < inner + block; n++) {
      const factor = unchecked(a[i * size + n]);
      const from = n * size + column;
      const to = i * size + column;
      for (let j = 0; j < block; j++) unchecked((c[to + j] += factor * b[from + j]));
    }
  }
}
