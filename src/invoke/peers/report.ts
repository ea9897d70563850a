// What a node tells a peer of itself: with every answer of a call, every second, and when it changes.

import { maxWorkers } from "../../capacity/capacity.js";
import { type OwnerState, ownerStates } from "../../owner/allowance.js";
import { isCount, isMs } from "../peer-values.js";

/** A node's live state as it tells it to one peer. */
export interface Report {
  /** Grows with each report of a node; what is not newer than the last one heard is old. */
  readonly epoch: number;
  /** Workers that calls may use now; 0: it takes no calls. */
  readonly slots: number;
  readonly running: number;
  readonly queued: number;
  readonly draining: boolean;
  /** Decayed mean of the milliseconds that a call has its worker there; undefined until one ended. */
  readonly serviceMs: number | undefined;
  /** Calls that it had from the peer that is told, over their present link. */
  readonly seen: number;
  /** How long its event loop was held up lately, in milliseconds. */
  readonly loopDelayMs: number;
  readonly owner: OwnerState;
  /** It takes no call of more work units; infinite when none is too heavy. */
  readonly lightUnits: number;
}

/** A report as it crosses a link. */
export function encodeReport(report: Report): unknown[] {
  const { epoch, slots, running, queued, draining, serviceMs, seen, loopDelayMs, owner, lightUnits } = report;
  const light = Number.isFinite(lightUnits) ? lightUnits : null;
  const loopMs = Math.round(loopDelayMs);
  return [epoch, slots, running, queued, draining, serviceMs ?? null, seen, loopMs, ownerStates.indexOf(owner), light];
}

/** The report that a peer sent; undefined when it is none. */
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

/** A number in a sequence: a node that is up for months counts far. */
function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
