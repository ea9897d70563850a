// The full comparison of two nodes' member lists (memberlist's push-pull), range by range of node ids.

import { isNodeId } from "../../core/node-id.js";
import type { From, Link, Links } from "../ports.js";
import type { Gossip } from "./gossip.js";
import { decodeStrings, decodeSummaries, maxUpdates, type Summary, type Update } from "./member-messages.js";
import type { MemberSelf } from "./member-self.js";
import { isPresent, type MemberTable } from "./member-table.js";

/** What a {@link MemberSync} needs. */
export interface MemberSyncOptions {
  readonly links: Links;
  readonly table: MemberTable;
  readonly self: MemberSelf;
  readonly gossip: Gossip;
}

const kind = "members-sync";
/** Summary lines in a request: some 50 bytes each. */
const summariesPerPage = 500;
/** Announcements in a response: at most 2 KiB each, and 0.2 ms to verify. */
const updatesPerPage = 100;
/** The most requests of one comparison, so that a peer which covers nothing cannot keep it running. */
const maxPages = 200;
const timeoutMs = 10_000;
/** Sorts after every node id. */
const afterAll = "~";

/**
 * Compares with peers, a page of summaries at a time: [after, up to, summaries] → [covered up to, updates, missing
 * ids].
 */
export class MemberSync {
  readonly #options: MemberSyncOptions;
  readonly #running = new Set<string>();

  constructor(options: MemberSyncOptions) {
    this.#options = options;
    options.links.handle(kind, (body, from) => this.#handle(body, from));
  }

  /**
   * Compares all members; both sides end with the newer announcement of each. A malformed response, or none, ends the
   * comparison.
   */
  async with(link: Link): Promise<void> {
    const peer = link.peer.nodeId;
    if (this.#running.has(peer)) return;
    this.#running.add(peer);
    try {
      const summaries = this.#summaries();
      let after = "";
      for (let page = 0; page < maxPages && after < afterAll; page++) {
        const rest = summaries.filter(([node]) => node > after).slice(0, summariesPerPage);
        const upTo = rest.length < summariesPerPage ? afterAll : (rest.at(-1)?.[0] ?? afterAll);
        const answer = await link.request(kind, [after, upTo, rest], { timeoutMs });
        after = this.#learn(answer, { link, after, upTo });
      }
    } catch {
      // The peer of a broken link is probed, and the next comparison comes soon.
    } finally {
      this.#running.delete(peer);
    }
  }

  #learn(answer: unknown, { link, after, upTo }: { link: Link; after: string; upTo: string }): string {
    const { gossip } = this.#options;
    const [covered, updates, missing] = Array.isArray(answer) ? answer : [];
    gossip.receive(updates, link.peer.nodeId);
    const requested = decodeStrings(missing, isNodeId).flatMap((node) => this.#updatesOf(node));
    if (requested.length > 0) link.notify("members", requested.slice(0, maxUpdates));
    return typeof covered === "string" && covered > after && covered < upTo ? covered : upTo;
  }

  #handle(body: unknown, { peer }: From): unknown {
    const { table, self } = this.#options;
    const [after, upTo, lines] = Array.isArray(body) ? body : [];
    if (typeof after !== "string" || typeof upTo !== "string") return [afterAll, [], []];
    const theirs = new Map(decodeSummaries(lines).map((summary) => [summary[0], summary]));
    const updates: Update[] = [];
    const missing: string[] = [];
    let covered = upTo;
    let last = after;
    for (const [node, incarnation, found] of this.#summaries()) {
      if (node <= after || node > upTo) continue;
      if (updates.length >= updatesPerPage) {
        covered = last;
        break;
      }
      last = node;
      const line = theirs.get(node);
      theirs.delete(node);
      if (line !== undefined && line[1] > incarnation) missing.push(node);
      else if (line !== undefined && line[1] === incarnation) this.#weigh(line, { found, peer: peer.nodeId, updates });
      // A peer that never had a dead member does not need it.
      else if (line !== undefined || node === self.id || isPresent(table.get(node)?.state ?? "dead")) {
        updates.push(...this.#updatesOf(node));
      }
    }
    for (const [node, , found] of theirs.values()) if (node <= covered && found !== 2) missing.push(node);
    return [covered, updates, missing];
  }

  /** Both sides have the same incarnation: the finding of either is a reason for the other to suspect it, not more. */
  #weigh(line: Summary, { found, peer, updates }: { found: number; peer: string; updates: Update[] }): void {
    const { gossip, self } = this.#options;
    const [node, incarnation, theirs] = line;
    if (theirs > found) gossip.receiveAccusation(["suspect", node, incarnation, peer], peer);
    if (found > theirs) updates.push(["suspect", node, incarnation, self.id]);
  }

  #updatesOf(node: string): Update[] {
    const { table, self } = this.#options;
    if (node === self.id) return [["announce", self.text]];
    const [text, member] = [table.textOf(node), table.get(node)];
    if (text === undefined || member === undefined) return [];
    const accused = member.state === "suspect" || member.state === "dead";
    return [["announce", text], ...(accused ? [["suspect", node, member.incarnation, self.id] satisfies Update] : [])];
  }

  #summaries(): Summary[] {
    const { table, self } = this.#options;
    return [self.summary, ...table.summaries()].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}
