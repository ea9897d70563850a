// Dense matrices, row by row.

/** A matrix of `rows` × `columns` values. */
export class Matrix {
  constructor(
    public rows: u32,
    public columns: u32,
    /** `rows * columns` values, row by row. */
    public values: Float64Array,
  ) {}

  /** This matrix with rows and columns exchanged. */
  transposed(): Matrix {
    check(this);
    const result = new Matrix(this.columns, this.rows, new Float64Array(this.values.length));
    for (let row: u32 = 0; row < this.rows; row++) {
      for (let column: u32 = 0; column < this.columns; column++) {
        result.values[column * this.rows + row] = this.values[row * this.columns + column];
      }
    }
    return result;
  }

  /** The identity of `size` × `size`. */
  static identity(size: u32): Matrix {
    const result = new Matrix(size, size, new Float64Array(size * size));
    for (let i: u32 = 0; i < size; i++) result.values[i * size + i] = 1;
    return result;
  }
}

/** The product `a` × `b`. */
export function multiply(a: Matrix, b: Matrix): Matrix {
  check(a);
  check(b);
  if (a.columns != b.rows) throw new Error(`${a.rows}x${a.columns} cannot be multiplied by ${b.rows}x${b.columns}`);
  const result = new Matrix(a.rows, b.columns, new Float64Array(a.rows * b.columns));
  // Row of b by row of b: the inner loop walks memory in order.
  for (let row: u32 = 0; row < a.rows; row++) {
    for (let k: u32 = 0; k < a.columns; k++) {
      const factor = unchecked(a.values[row * a.columns + k]);
      for (let column: u32 = 0; column < b.columns; column++) {
        unchecked((result.values[row * b.columns + column] += factor * b.values[k * b.columns + column]));
      }
    }
  }
  return result;
}

/** The determinant, by Gaussian elimination with partial pivoting. */
export function determinant(matrix: Matrix): f64 {
  check(matrix);
  const n = <i32>matrix.rows;
  if (matrix.columns != matrix.rows) throw new Error("only a square matrix has a determinant");
  const values = matrix.values.slice();
  let result: f64 = 1;
  for (let pivot = 0; pivot < n; pivot++) {
    let best = pivot;
    for (let row = pivot + 1; row < n; row++) {
      if (Math.abs(values[row * n + pivot]) > Math.abs(values[best * n + pivot])) best = row;
    }
    const head = values[best * n + pivot];
    if (head == 0) return 0;
    if (best != pivot) {
      result = -result;
      for (let column = 0; column < n; column++) {
        const swapped = values[pivot * n + column];
        values[pivot * n + column] = values[best * n + column];
        values[best * n + column] = swapped;
      }
    }
    result *= head;
    for (let row = pivot + 1; row < n; row++) {
      const factor = values[row * n + pivot] / head;
      for (let column = pivot; column < n; column++) values[row * n + column] -= factor * values[pivot * n + column];
    }
  }
  return result;
}

function check(matrix: Matrix): void {
  const needed = <u64>matrix.rows * <u64>matrix.columns;
  if (needed != <u64>matrix.values.length)
    throw new Error(`a ${matrix.rows}x${matrix.columns} matrix has ${needed} values`);
}
