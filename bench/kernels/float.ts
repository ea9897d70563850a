// Kernel "float": double precision with square roots and divisions, as in simulations: five bodies under gravity.

const bodies = 5;
/** x, y, z, their speeds, and the mass of each body. */
const fields = 7;

/** Moves the bodies by `iterations` steps; the sum of their places. */
export function run(iterations: u32): f64 {
  const state = new StaticArray<f64>(bodies * fields);
  for (let i = 0; i < bodies; i++) {
    const at = i * fields;
    state[at] = <f64>i * 1.5;
    state[at + 1] = <f64>(i * i) * 0.25 - 1.0;
    state[at + 2] = 0.5 - <f64>i * 0.125;
    state[at + 3] = 0.01 * <f64>i;
    state[at + 4] = 0.02 - 0.01 * <f64>i;
    state[at + 5] = 0.005 * <f64>i;
    state[at + 6] = i == 0 ? 40.0 : 0.03 * <f64>i;
  }
  for (let step: u32 = 0; step < iterations; step++) move(state, 0.001);
  let sum = 0.0;
  for (let i = 0; i < bodies * fields; i++) sum += state[i];
  return sum;
}

function move(state: StaticArray<f64>, dt: f64): void {
  for (let i = 0; i < bodies; i++) {
    const a = i * fields;
    for (let j = i + 1; j < bodies; j++) {
      const b = j * fields;
      const dx = unchecked(state[a] - state[b]);
      const dy = unchecked(state[a + 1] - state[b + 1]);
      const dz = unchecked(state[a + 2] - state[b + 2]);
      // The softening keeps bodies that meet from leaving for infinity, where arithmetic has another speed.
      const squared = dx * dx + dy * dy + dz * dz + 0.01;
      const force = dt / (squared * Math.sqrt(squared));
      const fromB = unchecked(state[b + 6]) * force;
      const fromA = unchecked(state[a + 6]) * force;
      unchecked((state[a + 3] -= dx * fromB));
      unchecked((state[a + 4] -= dy * fromB));
      unchecked((state[a + 5] -= dz * fromB));
      unchecked((state[b + 3] += dx * fromA));
      unchecked((state[b + 4] += dy * fromA));
      unchecked((state[b + 5] += dz * fromA));
    }
  }
  for (let i = 0; i < bodies; i++) {
    const a = i * fields;
    unchecked((state[a] += dt * state[a + 3]));
    unchecked((state[a + 1] += dt * state[a + 4]));
    unchecked((state[a + 2] += dt * state[a + 5]));
  }
}
