// The programs that can read the bytes of the public port.

/** hyper-express on uWebSockets, the fast one; and Node's own `node:https`, which runs everywhere. */
export const doorKinds = ["uws", "node"] as const;

/** One of {@link doorKinds}. */
export type DoorKind = (typeof doorKinds)[number];
