// The id of a node, as it stands in certificates, messages and files.

/** 32 lower-case hex digits: the first half of the SHA-256 of the node's enrolled key. */
const nodeIdPattern = /^[0-9a-f]{32}$/;

/** Whether a value is the id of a node. */
export function isNodeId(value: unknown): value is string {
  return typeof value === "string" && nodeIdPattern.test(value);
}
