// Expected finish of a call, here or at a peer: round trip, wait and run, from loads that are a little old. Pure.

/**
 * How busy a node is: calls that run and wait, and how long a call has its worker (EWMA in ms, undefined until one
 * ended).
 */
export interface Load {
  /** Calls that may run at the same time. */
  readonly slots: number;
  readonly running: number;
  readonly queued: number;
  readonly serviceMs: number | undefined;
}

/** The load of another node, as it reported it. */
export interface Waiting extends Load {
  readonly rttMs: number | undefined;
  /** Calls that this node sent there and that `running` and `queued` do not count yet. */
  readonly inFlight: number;
}

/** This node. */
export interface Here extends Load {
  /** Whether this node holds the revision and runs calls of its own clients. */
  readonly available: boolean;
  /**
   * A call of more work units goes to a peer if any takes it, since the owner uses this machine. Infinite when no call
   * is too heavy.
   */
  readonly lightUnits: number;
  /** How many of the calls that run and wait are long, see {@link isLong}, and how many workers have a long call. */
  readonly long?: number;
  readonly longWorkers?: number;
  /** How long a call that is not long has its worker (EWMA in ms, undefined until one ended). */
  readonly shortMs?: number | undefined;
}

/** The work of a call, and what nodes do in a millisecond. */
export interface Work<Peer> {
  /** Work units of a call of the function; undefined while there is no estimate. */
  readonly units: number | undefined;
  /** Work units of this function that one worker here does in a millisecond. */
  readonly hereRate: number;
  /** The same for one worker of a peer. */
  rateAt(peer: Peer): number;
}

/** Inputs for both sides of a choice, apart from the peer. */
export interface FinishInput<Peer> {
  readonly local: Here;
  readonly work: Work<Peer>;
}

/** Milliseconds that a call is expected to take while no call has ended: it may be long. */
const unknownServiceMs = 10;
/** Expected round trip in milliseconds, before a peer's first measurement. */
const unknownRttMs = 1;
/** Longer than any call lives. */
const endlessMs = 1e9;
/** Cost of a call beside its run, in milliseconds. */
const overheadMs = 0.01;

/**
 * A call of more milliseconds is long: the sandbox keeps one of several workers free of long calls while others come.
 */
const longMs = 2;

/** Whether a call of this work is long here; a call without an estimate is not. */
export function isLong<Peer>({ units, hereRate }: Pick<Work<Peer>, "units" | "hereRate">): boolean {
  return units !== undefined && units > longMs * hereRate;
}

/**
 * Whether a call that arrives now begins here at once. Of several workers, the last idle one is for calls that are not
 * long.
 */
export function isIdle<Peer>(local: Here, work: Work<Peer>): boolean {
  const { slots, running, queued, long = 0 } = local;
  if (slots < 2) return running + queued < slots;
  return isLong(work) ? running + queued < slots - 1 : running + queued - long < shortWorkers(local);
}

/** Workers without a long call. Long calls that wait let other calls pass, as long as one worker is left to these. */
function shortWorkers({ slots, long = 0, longWorkers = 0 }: Here): number {
  return slots - Math.min(long, longWorkers);
}

/** Milliseconds until a call that arrives now ends here. */
export function localFinishMs<Peer>(local: Here, work: Work<Peer>): number {
  return localWaitMs(local, work) + unitsOf({ local, work }) / work.hereRate;
}

/** A call that is not long waits only for other such calls, at the workers that have no long call. */
function localWaitMs<Peer>(local: Here, work: Work<Peer>): number {
  const { running, queued, long = 0, shortMs } = local;
  const slots = shortWorkers(local);
  if (long === 0 || slots <= 0 || work.units === undefined || isLong(work)) return estimateWaitMs(local);
  return estimateWaitMs({ slots, running: running + queued - long, queued: 0, serviceMs: shortMs });
}

/** Milliseconds until the result of a call that is sent to the peer now. */
export function finishMs<Peer extends Waiting>(peer: Peer, call: FinishInput<Peer>): number {
  const rate = call.work.rateAt(peer);
  const inFlight = peer.inFlight;
  const serviceMs = ownUnits(call) / rate;
  return (peer.rttMs ?? unknownRttMs) + estimateWaitMs(peer, { inFlight, serviceMs }) + unitsOf(call) / rate;
}

/**
 * Milliseconds until a call that arrives now begins there. `serviceMs` stands in for the EWMA of a node on which no
 * call has ended.
 */
export function estimateWaitMs({ slots, running, queued, serviceMs }: Load, more: WaitInput = none): number {
  if (slots <= 0) return Number.POSITIVE_INFINITY;
  const ahead = running + queued + more.inFlight - slots + 1;
  if (ahead <= 0) return 0;
  return (ahead / slots) * ((serviceMs ?? more.serviceMs ?? unknownServiceMs) + overheadMs);
}

/** Parameters of {@link estimateWaitMs} apart from the load. */
export interface WaitInput {
  readonly inFlight: number;
  readonly serviceMs: number | undefined;
}

const none: WaitInput = { inFlight: 0, serviceMs: undefined };

/**
 * Queue timeout of a call at a peer, in milliseconds: a call that waits there for longer would have ended sooner here.
 * Practically infinite when this node cannot run the call.
 */
export function queueTimeoutMs<Peer extends Waiting>(peer: Peer, call: FinishInput<Peer>): number {
  const { local, work } = call;
  if (!local.available) return endlessMs;
  const serviceMs = unitsOf(call) / work.rateAt(peer);
  const timeoutMs = localFinishMs(local, work) - (peer.rttMs ?? unknownRttMs) - serviceMs;
  return Math.min(endlessMs, Math.max(0, timeoutMs));
}

/** A function without an estimate is taken to be like this node's other functions. */
function unitsOf<Peer>(call: FinishInput<Peer>): number {
  return call.work.units ?? ownUnits(call);
}

/** Work units of an average call of this node. */
function ownUnits<Peer>({ local, work }: FinishInput<Peer>): number {
  return (local.serviceMs ?? unknownServiceMs) * work.hereRate;
}
