// The state of a node as coloured text.

/** A node's state, with the colour of its kind: good, bad or between. */
export function StateText({ state }: { readonly state: string }) {
  const kind = state === "alive" ? "good" : state === "dead" || state === "revoked" ? "bad" : "warn";
  return <span class={kind}>{state}</span>;
}
