// A mesh that behaves like the real one as far as the server can tell: nodes with states, revoked with their subtree.

import type { TreeNode } from "../../../src/api/nodes.js";
import type { NodeStats, PeerStats } from "../../../src/invoke/peers/stats.js";
import type { DecisionView } from "../../../src/invoke/routing/decisions.js";
import type { Member, MemberState } from "../../../src/mesh/ports.js";
import type { AuditBundle } from "../../../src/pki/audit/bundle.js";
import type { ListedRecord } from "../../../src/pki/audit/list.js";
import type { Mesh, NodeEntry } from "../../../src/server/ports.js";

/** Nodes by id; the first one is the server itself and the founder. */
export class FakeMesh implements Mesh {
  readonly entries: NodeEntry[];
  readonly states = new Map<string, MemberState>();
  readonly stats = new Map<string, Partial<PeerStats>>();
  /** Peers that can run a revision: what the answers' `nodes` come from. */
  readonly holding = new Map<string, string[]>();
  readonly records: ListedRecord[] = [];
  readonly choices = new Map<string, DecisionView>();
  readonly drainable = {
    draining: false,
    asleep: false,
    setDraining: (on: boolean): void => {
      this.drainable.draining = on;
      if (!on) this.drainable.asleep = false;
    },
  };

  /** What nodes say of their containers, by id. */
  readonly contained = new Map<string, boolean>();
  readonly wall: { missing: Mesh["wall"]["missing"] } = { missing: ["no container"] };
  readonly processesOf = (): string[] => [];
  /** How often it was told to end. */
  recycled = 0;

  constructor(self: { readonly id: string; readonly name: string }) {
    this.entries = [entryOf({ ...self, master: true, deploy: true, approvedBy: "founder" })];
  }

  /** Lets a node in, alive. */
  add(entry: Partial<NodeEntry> & Pick<NodeEntry, "id" | "name">): void {
    this.entries.push(entryOf({ parent: this.entries[0]?.id, ...entry }));
    this.states.set(entry.id, "alive");
  }

  readonly registry = {
    nodes: () => this.entries,
    node: (id: string) => this.entries.find((entry) => entry.id === id),
    byName: (name: string) => this.entries.find((entry) => entry.name === name),
    subtree: (id: string): string[] => {
      const children = this.entries.filter(({ parent }) => parent === id);
      return [id, ...children.flatMap((child) => this.registry.subtree(child.id))];
    },
    tree: (stateOf: (id: string) => string) => this.#branch(this.entries[0], stateOf),
  };

  readonly members = {
    get: (id: string): Member | undefined => {
      const state = this.states.get(id);
      const entry = this.registry.node(id);
      if (state === undefined || entry === undefined) return undefined;
      return {
        id,
        state,
        incarnation: 1,
        address: `${entry.name}:1`,
        url: `https://${entry.name}:2`,
        contained: this.contained.get(id),
      };
    },
    all: (): Member[] => [...this.states.keys()].flatMap((id) => this.members.get(id) ?? []),
  };

  readonly links: Mesh["links"] = {
    get: (nodeId) => {
      if (this.states.get(nodeId) !== "alive") return undefined;
      const peer = { nodeId, serial: "", issuer: "", master: false, deploy: false, notAfter: 0 };
      const hello = { address: undefined, url: "https://localhost:8443" };
      return { peer, hello, rttMs: 0.5, notify: () => true, request: () => Promise.reject(new TypeError("not here")) };
    },
  };

  statsOf(nodeId: string): PeerStats | undefined {
    const known = this.stats.get(nodeId);
    return known && { ...this.here(), errorRate: 0, ejected: false, ...known };
  }

  here(): NodeStats {
    const load = { slots: 1, running: 0, queued: 0 };
    return { ...load, owner: "none", loopDelayMs: 0, capacity: undefined, pace: 1, weight: 1_000 };
  }

  recycle(): void {
    this.recycled++;
  }

  holders(revision: string): readonly string[] {
    return this.holding.get(revision) ?? [];
  }

  choiceOf(invocation: string): DecisionView | undefined {
    return this.choices.get(invocation);
  }

  revoke(nodeId: string, { subtree, by }: { readonly subtree: boolean; readonly by: string }): string[] {
    const ids = subtree ? this.registry.subtree(nodeId) : [nodeId];
    for (const [index, entry] of this.entries.entries()) {
      if (ids.includes(entry.id)) this.entries[index] = { ...entry, revoked: true };
    }
    const record = { seq: this.records.length, master: this.entries[0]?.id ?? "", node: this.entries[0]?.id ?? "" };
    this.records.push({ ...record, at: 0, event: "node.revoked", by, subject: nodeId, detail: "" });
    return ids;
  }

  masters(): ReturnType<Mesh["masters"]> {
    return { mesh: "fake", masters: [], records: [] };
  }

  crl(): string {
    return "-----BEGIN X509 CRL-----\n";
  }

  readonly audit = {
    list: ({ limit, event }: { readonly limit: number; readonly event?: string | undefined }): ListedRecord[] =>
      this.records.filter((record) => event === undefined || record.event === event).slice(-limit),
    bundle: (): AuditBundle => ({
      v: 1,
      mesh: "fake",
      node: this.entries[0]?.id ?? "",
      at: 0,
      grants: [],
      admissions: [],
      revocations: [],
      logs: [],
      heads: [],
    }),
    heads: (): string[] => ["a head"],
  };

  #branch(entry: NodeEntry | undefined, stateOf: (id: string) => string): TreeNode | undefined {
    if (entry === undefined) return undefined;
    const children = this.entries.filter(({ parent }) => parent === entry.id);
    const { name, approvedBy, fingerprint } = entry;
    const state = entry.revoked ? "revoked" : stateOf(entry.id);
    const at = new Date(entry.at).toISOString();
    const parent = entry.parent === undefined ? null : (this.registry.node(entry.parent)?.name ?? null);
    return {
      name,
      parent,
      approvedBy,
      at,
      fingerprint,
      state,
      children: children.flatMap((child) => this.#branch(child, stateOf) ?? []),
    };
  }
}

function entryOf(entry: Partial<NodeEntry> & Pick<NodeEntry, "id" | "name">): NodeEntry {
  return {
    fingerprint: entry.id.padEnd(64, "0"),
    master: false,
    deploy: true,
    revoked: false,
    parent: undefined,
    approvedBy: "token 1",
    at: 0,
    ...entry,
  };
}
