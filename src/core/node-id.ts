// The ids of nodes and of meshes, as they stand in certificates, messages and files.

/** The id of a node: 32 lower-case hex digits, the first half of the SHA-256 of the node's enrolled key. */
export const nodeIdPattern = /^[0-9a-f]{32}$/;

/** The id of a mesh: 32 lower-case hex digits, the first half of the SHA-256 of the root certificate. */
export const meshIdPattern = /^[0-9a-f]{32}$/;

/** Whether a value is the id of a node. */
export function isNodeId(value: unknown): value is string {
  return typeof value === "string" && nodeIdPattern.test(value);
}
