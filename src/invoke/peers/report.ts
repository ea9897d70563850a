// The report of a node's live state to a peer: piggybacked on every result, sent every second, and sent on change.

import { maxWorkers } from "../../capacity/capacity.js";
import { type OwnerState, ownerStates } from "../../owner/allowance.js";
import { isCount, isMs } from "../peer-values.js";

/** A node's live state as it reports it to one peer. */
export interface Report {
  /** Grows with each report of a node; a report that is not newer than the last one received is ignored. */
  readonly epoch: number;
  /** Calls that may run at the same time; 0: the node takes no calls. */
  readonly slots: number;
  readonly running: number;
  readonly queued: number;
  readonly draining: boolean;
  /** EWMA of the milliseconds that a call has its worker there; undefined until one ended. */
  readonly serviceMs: number | undefined;
  /** Calls that the node received from the addressed peer over their current link. */
  readonly seen: number;
  /** How long the node's event loop was held up lately, in milliseconds. */
  readonly loopDelayMs: number;
  readonly owner: OwnerState;
  /** The node takes no call of more work units; infinite when no call is too heavy. */
  readonly lightUnits: number;
}

/** A report as it crosses a link. */
export function encodeReport(report: Report): unknown[] {
  const { epoch, slots, running, queued, draining, serviceMs, seen, loopDelayMs, owner, lightUnits } = report;
  const light = Number.isFinite(lightUnits) ? lightUnits : null;
  const loopMs = Math.round(loopDelayMs);
  return [epoch, slots, running, queued, draining, serviceMs ?? null, seen, loopMs, ownerStates.indexOf(owner), light];
}

/** The report that a peer sent; undefined when it is malformed. */
export function decodeReport(body: unknown): Report | undefined {
  if (!Array.isArray(body) || body.length !== 10) return undefined;
  const [epoch, slots, running, queued, draining, serviceMs, seen, loopDelayMs, state, light] = body as unknown[];
  if (!isNumber(epoch) || !isNumber(seen)) return undefined;
  if (!isCount(slots) || slots > maxWorkers || !isCount(running) || !isCount(queued) || typeof draining !== "boolean")
    return undefined;
  if ((serviceMs !== null && !isMs(serviceMs)) || !isMs(loopDelayMs) || (light !== null && !isMs(light)))
    return undefined;
  const owner = typeof state === "number" ? ownerStates[state] : undefined;
  if (owner === undefined) return undefined;
  const lightUnits = light ?? Number.POSITIVE_INFINITY;
  return {
    epoch,
    slots,
    running,
    queued,
    draining,
    serviceMs: serviceMs ?? undefined,
    seen,
    loopDelayMs,
    owner,
    lightUnits,
  };
}

/** Whether a value is a sequence number. Not bounded as a count is: a node that is up for months counts far. */
function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
