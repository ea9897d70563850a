// When a call would end, here or at a peer: round trip, wait and run, from loads that are a little old. Pure.

/** How busy a node is: calls that run and wait, and how long one has its worker (decayed mean of ms, undefined until one ended). */
export interface Load {
  /** Workers that it may use now. */
  readonly slots: number;
  readonly running: number;
  readonly queued: number;
  readonly serviceMs: number | undefined;
}

/** A load that was told by another node. */
export interface Waiting extends Load {
  readonly rttMs: number | undefined;
  /** Calls that this node sent there and that `running` and `queued` do not count yet. */
  readonly inFlight: number;
}

/** This node. */
export interface Here extends Load {
  /** Whether it holds the revision and gives its calls to nobody. */
  readonly available: boolean;
  /** A call of more work units is for peers if any takes it: the owner is here. Infinite when none is too heavy. */
  readonly lightUnits: number;
  /** How many of those that run and wait are long, see {@link isLong}, and how many workers those have that run. */
  readonly long?: number;
  readonly longWorkers?: number;
  /** How long one of the others has its worker (decayed mean, undefined until one ended). */
  readonly shortMs?: number | undefined;
}

/** What a call takes, and what nodes do in a millisecond. */
export interface Work<Peer> {
  /** Work units of a call of the function; undefined while nobody knows. */
  readonly units: number | undefined;
  /** Work units of this function that one worker does here in a millisecond. */
  readonly hereRate: number;
  /** The same at a peer. */
  rateAt(peer: Peer): number;
}

/** What both sides of a choice need beside the peer. */
export interface Call<Peer> {
  readonly local: Here;
  readonly work: Work<Peer>;
}

/** What a call is taken to take while no call has ended: it may be long. */
const unknownServiceMs = 10;
/** How far a peer is taken to be before its first measurement. */
const unknownRttMs = 1;
/** No call lives as long. */
const endlessMs = 1e9;
/** What a call costs a node beside its run. */
const overheadMs = 0.01;

/** A call of more milliseconds is long: the sandbox keeps one of several workers free of such calls while others come. */
const longMs = 2;

/** Whether a call of this work is long here; one that nobody knows is not. */
export function isLong<Peer>({ units, hereRate }: Pick<Work<Peer>, "units" | "hereRate">): boolean {
  return units !== undefined && units > longMs * hereRate;
}

/** Whether a call that arrives now begins here at once. The last idle one of several workers is for calls that are not long. */
export function isIdle<Peer>(local: Here, work: Work<Peer>): boolean {
  const { slots, running, queued, long = 0 } = local;
  if (slots < 2) return running + queued < slots;
  return isLong(work) ? running + queued < slots - 1 : running + queued - long < shortWorkers(local);
}

/** Workers that have no long call. Those that wait let other calls pass, as long as one worker is left to these. */
function shortWorkers({ slots, long = 0, longWorkers = 0 }: Here): number {
  return slots - Math.min(long, longWorkers);
}

/** Milliseconds until a call that arrives now ends here. */
export function localFinishMs<Peer>(local: Here, work: Work<Peer>): number {
  return localWaitMs(local, work) + unitsOf({ local, work }) / work.hereRate;
}

/** A call that is not long waits for its like only, at the workers that have no long call. */
function localWaitMs<Peer>(local: Here, work: Work<Peer>): number {
  const { running, queued, long = 0, shortMs } = local;
  const slots = shortWorkers(local);
  if (long === 0 || slots <= 0 || work.units === undefined || isLong(work)) return estimateWaitMs(local);
  return estimateWaitMs({ slots, running: running + queued - long, queued: 0, serviceMs: shortMs });
}

/** Milliseconds until the answer of a call that is sent to the peer now. */
export function finishMs<Peer extends Waiting>(peer: Peer, call: Call<Peer>): number {
  const rate = call.work.rateAt(peer);
  const inFlight = peer.inFlight;
  const serviceMs = ownUnits(call) / rate;
  return (peer.rttMs ?? unknownRttMs) + estimateWaitMs(peer, { inFlight, serviceMs }) + unitsOf(call) / rate;
}

/** Milliseconds until a call that arrives now begins there; `serviceMs` stands in for a node that does not know how long its calls run. */
export function estimateWaitMs({ slots, running, queued, serviceMs }: Load, more: WaitInput = none): number {
  if (slots <= 0) return Number.POSITIVE_INFINITY;
  const ahead = running + queued + more.inFlight - slots + 1;
  if (ahead <= 0) return 0;
  return (ahead / slots) * ((serviceMs ?? more.serviceMs ?? unknownServiceMs) + overheadMs);
}

/** What {@link estimateWaitMs} takes beside the load. */
export interface WaitInput {
  readonly inFlight: number;
  readonly serviceMs: number | undefined;
}

const none: WaitInput = { inFlight: 0, serviceMs: undefined };

/** How long a call may wait at a peer before to have stayed here would have been better; as long as it likes when here is no choice. */
export function queueTimeoutMs<Peer extends Waiting>(peer: Peer, call: Call<Peer>): number {
  const { local, work } = call;
  if (!local.available) return endlessMs;
  const serviceMs = unitsOf(call) / work.rateAt(peer);
  const patience = localFinishMs(local, work) - (peer.rttMs ?? unknownRttMs) - serviceMs;
  return Math.min(endlessMs, Math.max(0, patience));
}

/** A function that nobody knows is taken to be as this node's other ones. */
function unitsOf<Peer>(call: Call<Peer>): number {
  return call.work.units ?? ownUnits(call);
}

/** Work units of this node's calls. */
function ownUnits<Peer>({ local, work }: Call<Peer>): number {
  return (local.serviceMs ?? unknownServiceMs) * work.hereRate;
}
