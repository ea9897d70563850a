// Requests to join that came without a token: they wait for a person, in memory, for an hour, as long as the node
// polls.

import type { Enrolled, PendingJoin } from "../../api/joins.js";
import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import { randomBase64url, randomHex } from "../../core/ids.js";
import { fingerprintOf } from "../identity/enrolled-key.js";
import { isLoopbackHost } from "./hosts.js";
import type { JoinRequest } from "./request.js";

const lifeMs = 3_600_000;
/**
 * A node polls every second, and every half minute while nothing answers: without a poll for so long it has given up,
 * ms.
 */
const silenceMs = 120_000;
const limit = 64;
const limitEach = 16;
const secretBytes = 16;
const idBytes = 3;
/** Digits of the keeping master's node id that ids start with, so that any node knows where to ask. */
export const keeperDigits = 8;

/**
 * A waiting request: `id` is for people, `ticket` is known to the joiner alone. `answer` is set once a person decided.
 */
export interface WaitingRequest {
  readonly id: string;
  readonly ticket: string;
  readonly request: JoinRequest;
  readonly code: string;
  /** Where it came from: IP address, and the node that received it. */
  readonly address: string;
  readonly parent: string;
  /** What counts as one source, so that no source fills the list alone. */
  readonly source: string;
  readonly since: number;
  /** When the joiner last polled. */
  polledAt: number;
  /** Whether somebody decides right now: no second decision then. */
  deciding: boolean;
  answer: { readonly approved: Enrolled } | { readonly refused: string } | undefined;
}

/**
 * The requests that wait at one master: 64 at most, 16 from one source; when all are taken, the source with the most
 * gives way.
 */
export class PendingJoins {
  readonly #clock: Clock;
  readonly #keeper: string;
  readonly #byTicket = new Map<string, WaitingRequest>();

  /** `keeper` is this node's id. */
  constructor(options: { clock: Clock; keeper: string }) {
    this.#clock = options.clock;
    this.#keeper = options.keeper.slice(0, keeperDigits);
  }

  /** Lets a request wait; an earlier one of the same node ends. Throws `request.throttled` when too many wait. */
  add(request: JoinRequest, from: Pick<WaitingRequest, "code" | "address" | "parent" | "source">): WaitingRequest {
    const others = this.#alive().filter((other) => {
      if (other.request.nodeId === request.nodeId) this.#byTicket.delete(other.ticket);
      return other.request.nodeId !== request.nodeId && other.answer === undefined;
    });
    const same = others.filter(({ source }) => source === from.source);
    if (same.length >= limitEach || (others.length >= limit && !this.#makeRoom(others, same.length))) {
      const detail = "too many nodes wait for an approval: herd join list shows them";
      throw new HerdError("request.throttled", detail, { retryAfterSeconds: 60 });
    }
    const now = this.#clock.now();
    const pending: WaitingRequest = {
      id: `${this.#keeper}-${randomHex(idBytes)}`,
      ticket: `${this.#keeper}-${randomBase64url(secretBytes)}`,
      request,
      ...from,
      since: now,
      polledAt: now,
      deciding: false,
      answer: undefined,
    };
    this.#byTicket.set(pending.ticket, pending);
    return pending;
  }

  /** The request of a ticket, whose holder is there. */
  ofTicket(ticket: string): WaitingRequest | undefined {
    this.#alive();
    const pending = this.#byTicket.get(ticket);
    if (pending !== undefined) pending.polledAt = this.#clock.now();
    return pending;
  }

  /** The undecided request of an id. Throws `join.unknown`. */
  ofId(id: string): WaitingRequest {
    const pending = this.#alive().find((other) => other.id === id && other.answer === undefined && !other.deciding);
    if (pending !== undefined) return pending;
    throw new HerdError("join.unknown", `no request to join has the id ${JSON.stringify(id.slice(0, 64))}`);
  }

  /** What waits for a decision, oldest first. */
  list(): PendingJoin[] {
    return this.#alive().flatMap((pending) => (pending.answer === undefined ? [viewOf(pending)] : []));
  }

  /**
   * Drops the latest request of the source with the most, when that leaves it no less than a source with `own` and one
   * more.
   */
  #makeRoom(waiting: readonly WaitingRequest[], own: number): boolean {
    const counts = new Map<string, number>();
    for (const { source } of waiting) counts.set(source, (counts.get(source) ?? 0) + 1);
    const most = Math.max(...counts.values());
    const latest = waiting.findLast(({ source, deciding }) => !deciding && counts.get(source) === most);
    if (latest === undefined || most <= own + 1) return false;
    return this.#byTicket.delete(latest.ticket);
  }

  #alive(): WaitingRequest[] {
    const now = this.#clock.now();
    for (const { ticket, since, polledAt, answer, deciding } of this.#byTicket.values()) {
      const isGivenUp = answer === undefined && !deciding && polledAt <= now - silenceMs;
      if (isGivenUp || since <= now - lifeMs) this.#byTicket.delete(ticket);
    }
    return [...this.#byTicket.values()];
  }
}

/** A request as people see it. */
export function viewOf({ id, request, code, since, address, parent }: WaitingRequest): PendingJoin {
  const { name, hosts, advertise, publicKey } = request;
  const wanted = [...new Set([advertise, ...hosts])].filter((host) => !isLoopbackHost(host));
  return {
    id,
    name,
    fingerprint: fingerprintOf(publicKey),
    code,
    since: new Date(since).toISOString(),
    hosts: wanted,
    address,
    parent,
  };
}
