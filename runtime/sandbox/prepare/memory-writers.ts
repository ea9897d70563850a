// Which functions may change memory: those that hold such an instruction, and all that call them.
import type { FunctionBody } from "./code-scan.js";

/**
 * For each function in the index space, 1 where a call of it may change memory. Imported ones may: the host writes
 * results.
 */
export function memoryWriters(imports: number, bodies: readonly FunctionBody[]): Uint8Array {
  const writers = new Uint8Array(imports + bodies.length);
  const callers = new Map<number, number[]>();
  const found: number[] = [];
  const add = (index: number): void => {
    if (writers[index] !== 0) return;
    writers[index] = 1;
    found.push(index);
  };
  for (let index = 0; index < imports; index++) add(index);
  for (const [own, { writes, callees }] of bodies.entries()) {
    const index = imports + own;
    if (writes) add(index);
    for (const callee of new Set(callees)) {
      const known = callers.get(callee);
      if (known === undefined) callers.set(callee, [index]);
      else known.push(index);
    }
  }
  for (let index = found.pop(); index !== undefined; index = found.pop()) {
    for (const caller of callers.get(index) ?? []) add(caller);
  }
  return writers;
}
