// The state of a node.

/** A node's state, in words and a colour. */
export function StateText({ state }: { readonly state: string }) {
  const kind = state === "alive" ? "good" : state === "dead" || state === "revoked" ? "bad" : "warn";
  return <span class={kind}>{state}</span>;
}
