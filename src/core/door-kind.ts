// The programs that can read the bytes of the public port.

/** hyper-express on uWebSockets, the fast one; and Node's own `node:https`, which runs everywhere. */
export const doorKinds = ["uws", "node"] as const;

/** One of {@link doorKinds}. */
export type DoorKind = (typeof doorKinds)[number];

/** Whether a value is one of {@link doorKinds}. */
export function isDoorKind(value: unknown): value is DoorKind {
  return (doorKinds as readonly unknown[]).includes(value);
}
