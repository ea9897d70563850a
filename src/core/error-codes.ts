// Every failure that a caller or an operator can act on: its stable code, HTTP status, fault and title.

/**
 * The side that caused a failure, and so can mend it. `caller`: the request or the upload is wrong, and fails again
 * unless it changes. `function`: the guest failed. `node`: a state of a node, its queues, its disk or its mesh, which
 * may pass. `defect`: a fault of this software.
 */
export type Fault = "caller" | "function" | "node" | "defect";

/** Code → HTTP status, title and fault: the one table that turns a failure into an answer. */
export const errorTable = {
  "request.malformed": { status: 400, fault: "caller", title: "The request cannot be read" },
  "arguments.invalid": { status: 400, fault: "caller", title: "The arguments do not fit the function" },
  "auth.missing": { status: 401, fault: "caller", title: "A token is needed" },
  "auth.invalid": { status: 401, fault: "caller", title: "The token is not valid" },
  "auth.forbidden": { status: 403, fault: "caller", title: "The token does not allow this" },
  "join.refused": { status: 403, fault: "caller", title: "The mesh refused the join" },
  "app.unknown": { status: 404, fault: "caller", title: "No such app" },
  "function.unknown": { status: 404, fault: "caller", title: "No such function" },
  "revision.unknown": { status: 404, fault: "caller", title: "No such revision" },
  "node.unknown": { status: 404, fault: "caller", title: "No such node" },
  "token.unknown": { status: 404, fault: "caller", title: "No such token" },
  "call.unknown": { status: 404, fault: "caller", title: "No such call" },
  "join.unknown": { status: 404, fault: "caller", title: "No such request to join" },
  "path.unknown": { status: 404, fault: "caller", title: "No such path" },
  "method.unsupported": { status: 405, fault: "caller", title: "The path does not support this method" },
  "request.timeout": { status: 408, fault: "caller", title: "The request came too slowly" },
  "state.conflict": { status: 409, fault: "caller", title: "The state of the mesh does not allow this" },
  "request.too-large": { status: 413, fault: "caller", title: "The request is too large" },
  "media.unsupported": { status: 415, fault: "caller", title: "The media type is not supported" },
  "expectation.unsupported": { status: 417, fault: "caller", title: "The expectation cannot be met" },
  "source.invalid": { status: 422, fault: "caller", title: "The source does not compile" },
  "type.unsupported": { status: 422, fault: "caller", title: "A type cannot cross the boundary" },
  "request.throttled": { status: 429, fault: "node", title: "Too many requests" },
  "request.headers-too-large": { status: 431, fault: "caller", title: "The request's head is too large" },
  "function.trapped": { status: 500, fault: "function", title: "The function failed" },
  "function.out-of-memory": { status: 500, fault: "function", title: "The function ran out of memory" },
  "function.result-too-large": { status: 500, fault: "function", title: "The result is too large" },
  internal: { status: 500, fault: "defect", title: "The node failed" },
  "node.overloaded": { status: 503, fault: "node", title: "The node is overloaded" },
  "node.draining": { status: 503, fault: "node", title: "The node is draining" },
  "compile.busy": { status: 503, fault: "node", title: "Too many uploads wait for the compiler" },
  "compile.timeout": { status: 503, fault: "node", title: "The compilation was too slow" },
  "node.unavailable": { status: 503, fault: "node", title: "It cannot be done here now" },
  "node.paused": { status: 503, fault: "node", title: "The node's owner paused it" },
  "node.revoked": { status: 503, fault: "node", title: "The node was revoked from its mesh" },
  "function.deadline": { status: 504, fault: "function", title: "The function did not end in time" },
  "storage.full": { status: 507, fault: "node", title: "The node's disk takes no more" },
} as const satisfies Readonly<
  Record<string, { readonly status: number; readonly fault: Fault; readonly title: string }>
>;

/** A stable error code of the public contract. */
export type ErrorCode = keyof typeof errorTable;
