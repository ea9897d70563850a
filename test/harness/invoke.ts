// Calls as promises, which the product does without.
import type { Invocation, InvocationResult, Invoker } from "../../src/invoke/invoker.js";

/** The result of a call. Rejects as its `end` is rejected. */
export function invoke(invoker: Invoker, invocation: Invocation): Promise<InvocationResult> {
  return new Promise((resolve, reject) => invoker.begin(invocation, { resolve, reject }));
}
