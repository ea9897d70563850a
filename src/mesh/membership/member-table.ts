// The members as this node sees them, and the rules by which updates change a member (SWIM, section 4.2). Updates may
// come in any order.

import type { Clock } from "../../core/clock.js";
import type { DoorKind } from "../../core/door-kind.js";
import type { Timers } from "../../core/timers.js";
import type { Member } from "../ports.js";
import type { AnnouncedState, Announcement, Summary, Update } from "./member-messages.js";
import type { MembersConfig } from "./members-config.js";
import { confirmationsExpected, Suspicion, suspicionMinMs } from "./suspicion.js";

/** What a {@link MemberTable} needs. The callbacks are called amid a change and must not call the table. */
export interface MemberTableOptions {
  readonly config: MembersConfig;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Takes an update that is to be gossiped. */
  readonly spread: (node: string, update: Update) => void;
  readonly changed: (member: Member, before: Member | undefined) => void;
  /**
   * Whether a link to the node is open: another member's finding that it is dead is then a reason to suspect, not more.
   */
  readonly linked: (node: string) => boolean;
  /** This node's id. */
  readonly self: string;
}

interface Row {
  readonly id: string;
  announced: AnnouncedState;
  incarnation: number;
  address: string | undefined;
  url: string;
  contained: boolean | undefined;
  door: DoorKind | undefined;
  text: string;
  found: 0 | 1 | 2;
  suspicion: Suspicion | undefined;
  /** Monotonic ms of the last change of state. */
  since: number;
}

/** True for a state in which a node takes part: it is probed, gossiped to and dialled. */
export function isPresent(state: Member["state"]): boolean {
  return state !== "dead" && state !== "left";
}

/** A node's part of a {@link MemberTable.digest}: 32 bits of its id and incarnation (FNV-1a), 0 for an absent node. */
export function mark({ id, state, incarnation }: Pick<Member, "id" | "state" | "incarnation">): number {
  if (!isPresent(state)) return 0;
  let hash = 0x811c9dc5;
  for (const char of `${id}:${incarnation}`) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return hash >>> 0;
}

/**
 * The other members. A higher incarnation beats a lower one; within an incarnation, dead beats suspect, and suspect
 * beats the announced state.
 */
export class MemberTable {
  readonly #options: MemberTableOptions;
  readonly #rows = new Map<string, Row>();
  #present = 0;
  #digest = 0;

  constructor(options: MemberTableOptions) {
    this.#options = options;
  }

  /** Members in no order, dead and departed ones included. */
  all(): Member[] {
    return [...this.#rows.values()].map(memberOf);
  }

  get(node: string): Member | undefined {
    const row = this.#rows.get(node);
    return row === undefined ? undefined : memberOf(row);
  }

  /** Nodes that take part, this one included. */
  get size(): number {
    return this.#present + 1;
  }

  /**
   * A digest of the present members, without this node: equal, with high probability, only for equal incarnations of
   * equal members.
   */
  get digest(): number {
    return this.#digest;
  }

  /** The text of a member's announcement. */
  textOf(node: string): string | undefined {
    return this.#rows.get(node)?.text;
  }

  /** Summary lines of all members, in no order. */
  summaries(): Summary[] {
    return [...this.#rows.values()].map(({ id, incarnation, found }) => [id, incarnation, found]);
  }

  /** Whether an announcement is newer than the known one; checked before its signature is verified. */
  isNewer({ node, incarnation }: Pick<Announcement, "node" | "incarnation">): boolean {
    return incarnation > (this.#rows.get(node)?.incarnation ?? -1);
  }

  /** Takes a verified announcement of another node; false when it is not newer than the known one. */
  announce(announcement: Announcement): boolean {
    if (!this.isNewer(announcement)) return false;
    const { node, incarnation, state, address, url, contained, door, text } = announcement;
    const known = this.#rows.get(node);
    const before = known === undefined ? undefined : memberOf(known);
    known?.suspicion?.cancel();
    const row: Row = {
      id: node,
      incarnation,
      announced: state,
      address,
      url,
      contained,
      door,
      text,
      found: 0,
      suspicion: undefined,
      since: this.#options.clock.monotonic(),
    };
    this.#rows.set(node, row);
    this.#options.spread(node, ["announce", text]);
    this.#changed(row, before);
    return true;
  }

  /**
   * Takes the finding of `from` that a member is suspect. A finding about another incarnation than the present one is
   * ignored.
   */
  suspect(node: string, incarnation: number, { from }: { readonly from: string }): void {
    const row = this.#rows.get(node);
    if (row === undefined || row.incarnation !== incarnation || !isPresent(memberOf(row).state) || from === node)
      return;
    if (row.suspicion !== undefined) {
      if (row.suspicion.confirm(from)) this.#options.spread(node, ["suspect", node, incarnation, from]);
      return;
    }
    const { config, clock, timers } = this.#options;
    const minMs = suspicionMinMs(this.size, config);
    const before = memberOf(row);
    row.found = 1;
    row.since = clock.monotonic();
    row.suspicion = new Suspicion({
      from,
      clock,
      timers,
      minMs,
      maxMs: minMs * config.suspicionMaxTimeoutMult,
      expected: confirmationsExpected(this.size, config.suspicionMult),
      expired: () => this.#declareDead(row, this.#options.self),
    });
    this.#options.spread(node, ["suspect", node, incarnation, from]);
    this.#changed(row, before);
  }

  /** Takes the finding of `from` that a member's incarnation is dead. */
  dead(node: string, incarnation: number, { from }: { readonly from: string }): void {
    const row = this.#rows.get(node);
    if (row === undefined || row.incarnation !== incarnation || !isPresent(memberOf(row).state) || from === node)
      return;
    if (this.#options.linked(node)) this.suspect(node, incarnation, { from });
    else this.#declareDead(row, from);
  }

  /** Forgets a member, as after its revocation; watchers receive that it left. */
  forget(node: string): void {
    const row = this.#rows.get(node);
    if (row === undefined) return;
    const before = memberOf(row);
    row.suspicion?.cancel();
    row.suspicion = undefined;
    row.found = 0;
    row.announced = "left";
    if (before.state !== "left") this.#changed(row, before);
    this.#rows.delete(node);
  }

  /** Forgets members that have been dead or departed for longer than `deadReclaimMs`. */
  reclaim(): void {
    const { clock, config } = this.#options;
    const oldest = clock.monotonic() - config.deadReclaimMs;
    for (const row of this.#rows.values()) {
      if (row.since < oldest && !isPresent(memberOf(row).state)) this.#rows.delete(row.id);
    }
  }

  /** Cancels the timers of all suspicions. */
  stop(): void {
    for (const row of this.#rows.values()) row.suspicion?.cancel();
  }

  #declareDead(row: Row, from: string): void {
    const before = memberOf(row);
    row.suspicion?.cancel();
    row.suspicion = undefined;
    row.found = 2;
    row.since = this.#options.clock.monotonic();
    this.#options.spread(row.id, ["dead", row.id, row.incarnation, from]);
    this.#changed(row, before);
  }

  #changed(row: Row, before: Member | undefined): void {
    const member = memberOf(row);
    this.#present += Number(isPresent(member.state)) - Number(before !== undefined && isPresent(before.state));
    this.#digest = (this.#digest ^ mark(member) ^ (before === undefined ? 0 : mark(before))) >>> 0;
    this.#options.changed(member, before);
  }
}

function memberOf({ id, announced, found, incarnation, address, url, contained, door }: Row): Member {
  const state = announced === "left" || found === 0 ? announced : found === 1 ? "suspect" : "dead";
  return { id, state, incarnation, address, url, contained, door };
}
