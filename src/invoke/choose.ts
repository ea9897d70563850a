// Here or one hop: where a call runs, decided from what is known of this node's load and of its peers'. Pure.

import type { Random } from "../core/timers.js";

/** How busy a node is: calls that run and wait, and how long one runs (decayed mean of milliseconds, undefined until one ended). */
export interface Load {
  readonly slots: number;
  readonly running: number;
  readonly queued: number;
  readonly runMs: number | undefined;
}

/** A peer that holds the revision. */
export interface Candidate extends Load {
  readonly nodeId: string;
  /** Preference in the draw; 0 for a peer that must not be drawn: draining, suspect, or not heard of lately. */
  readonly weight: number;
  readonly rttMs: number | undefined;
  /** Calls that this node sent there and that `running` and `queued` do not count yet. */
  readonly inFlight: number;
}

/** This node: `available` when it holds the revision and gives its calls to nobody. */
export interface Here extends Load {
  readonly available: boolean;
}

/** What to choose from. `except` was tried already. */
export interface ChoiceInput<Peer extends Candidate> {
  readonly local: Here;
  readonly peers: readonly Peer[];
  readonly random: Random;
  readonly except?: Peer | undefined;
}

/** `local`: a worker is idle here. `queue`: no peer is expected to begin sooner than this node. `none`: nobody can take the call. */
export type Choice<Peer> = Peer | "local" | "queue" | "none";

/** What a call is taken to run while no call has ended: it may be long. */
const unknownRunMs = 10;
/** How far a peer is taken to be before its first measurement. */
const unknownRttMs = 1;
/** No call lives as long. */
const endlessMs = 1e9;
/** What a call costs a node beside its run. */
const overheadMs = 0.01;

/**
 * Local while a worker is idle here; otherwise the better, by estimated wait, of two weighted draws among the peers (the power of two
 * choices: Mitzenmacher 2001), if it is also better than to wait here.
 */
export function choose<Peer extends Candidate>(input: ChoiceInput<Peer>): Choice<Peer> {
  const { local } = input;
  if (local.available && local.running + local.queued < local.slots) return "local";
  const peer = chooseAway(input);
  if (peer === undefined) return local.available ? "queue" : "none";
  if (local.available && peerWaitMs(peer, local.runMs) >= estimateWaitMs(local)) return "queue";
  return peer;
}

/** The better of two weighted draws among the peers, however busy; undefined when none may be drawn. */
export function chooseAway<Peer extends Candidate>(input: ChoiceInput<Peer>): Peer | undefined {
  const { peers, random, except, local } = input;
  let total = 0;
  for (const peer of peers) if (peer !== except) total += peer.weight;
  if (total <= 0) return undefined;
  const first = draw(peers, { at: random() * total, except, drawn: undefined });
  if (first === undefined || first.weight >= total) return first;
  const second = draw(peers, { at: random() * (total - first.weight), except, drawn: first });
  if (second === undefined) return first;
  return peerWaitMs(second, local.runMs) < peerWaitMs(first, local.runMs) ? second : first;
}

/** Milliseconds until a call that arrives now begins there; `runMs` stands in for a node that does not know how long its calls run. */
export function estimateWaitMs({ slots, running, queued, runMs }: Load, more: WaitInput = none): number {
  if (slots <= 0) return Number.POSITIVE_INFINITY;
  const ahead = running + queued + more.inFlight - slots + 1;
  if (ahead <= 0) return 0;
  return (ahead / slots) * ((runMs ?? more.runMs ?? unknownRunMs) + overheadMs);
}

/** What {@link estimateWaitMs} takes beside the load. */
export interface WaitInput {
  readonly inFlight: number;
  readonly runMs: number | undefined;
}

const none: WaitInput = { inFlight: 0, runMs: undefined };

/** The same for a peer, its round trip included. */
export function peerWaitMs(peer: Omit<Candidate, "weight">, runMs: number | undefined): number {
  return rttOf(peer) + estimateWaitMs(peer, { inFlight: peer.inFlight, runMs });
}

/** How long a call may wait at a peer before to have stayed here would have been better; as long as it likes when here is no choice. */
export function patienceMs(local: Here, peer: Candidate): number {
  return local.available ? Math.max(0, estimateWaitMs(local) - rttOf(peer)) : endlessMs;
}

function rttOf({ rttMs }: Pick<Candidate, "rttMs">): number {
  return rttMs ?? unknownRttMs;
}

function draw<Peer extends Candidate>(
  peers: readonly Peer[],
  { at, except, drawn }: { at: number; except: Peer | undefined; drawn: Peer | undefined },
): Peer | undefined {
  let left = at;
  let last: Peer | undefined;
  for (const peer of peers) {
    const { weight } = peer;
    if (peer === except || peer === drawn || weight <= 0) continue;
    if (left < weight) return peer;
    left -= weight;
    last = peer;
  }
  // Sums of fractions may end a little short.
  return last;
}
