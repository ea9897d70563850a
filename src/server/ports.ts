// What the HTTPS interface uses of the mesh: its tokens, nodes, links and log. `src/node/` wires them.

import type { TreeNode } from "../api/nodes.js";
import type { OuterWall } from "../core/outer-wall.js";
import type { NodeStats, PeerStats } from "../invoke/peers/stats.js";
import type { DecisionView } from "../invoke/routing/decisions.js";
import type { Links, Members } from "../mesh/ports.js";
import type { Governor } from "../owner/governor.js";
import type { MastersView } from "../pki/registry/masters.js";
import type { NodeRecord } from "../pki/registry/node-record.js";
import type { SignIn as SignInCodes } from "../pki/tokens/sign-in.js";
import type { TokenAuthority } from "../pki/tokens/tokens.js";
import type { AuditView } from "../trust/audit-view.js";

/** Issues, checks and revokes tokens. */
export type Tokens = Pick<TokenAuthority, "verifyCached" | "verify" | "issue" | "list" | "revoke">;

/** Exchanges one-time codes for admin tokens. */
export type SignIn = Pick<SignInCodes, "redeem">;

/** A node as the records of the mesh describe it. */
export type NodeEntry = Omit<NodeRecord, "key">;

/** Every node that was ever let in. */
export interface NodeRegistry {
  nodes(): readonly NodeEntry[];
  node(id: string): NodeEntry | undefined;
  byName(name: string): NodeEntry | undefined;
  /** Ids of a node and of all that it let in, directly or not, itself first. */
  subtree(id: string): readonly string[];
  /** Which node let in which, as `GET /v1/nodes?tree=true` answers; undefined while no node is known. */
  tree(stateOf: (id: string) => string): TreeNode | undefined;
}

/** Gives this node's calls to others, and takes none from them, while it is on. */
interface Drainable {
  readonly draining: boolean;
  /** Whether the node's owner paused it: then nothing runs there at all. */
  readonly asleep: boolean;
  /** Turning it off ends a pause too; resolves when that is kept. */
  setDraining(on: boolean): Promise<void> | void;
}

/** What the owner of this node's machine allows, and has to say. */
export type Owner = Pick<Governor, "current" | "policy" | "signals" | "pausedUntil" | "update">;

/** What a node says of itself; times are epoch ms, certificates by their end. */
export interface NodeAbout {
  readonly version: string;
  readonly startedAt: number;
  readonly certificates: { readonly peer: number; readonly public: number };
}

/** The mesh as a node sees it. */
export interface Mesh {
  readonly registry: NodeRegistry;
  readonly members: Pick<Members, "all" | "get">;
  readonly links: Pick<Links, "get">;
  /** What is known of a peer, when it was heard of lately. */
  statsOf(nodeId: string): PeerStats | undefined;
  /** The same of this node. */
  here(): NodeStats;
  /** Ids of the peers that can run a revision. */
  holders(revision: string): Iterable<string>;
  /** Why a call of this node's clients went where it went; undefined when it is long ago, or there was no choice. */
  choiceOf(invocation: string): DecisionView | undefined;
  readonly drainable: Drainable;
  /** Where the processes of a node are when two run with its identity; else none. */
  processesOf(nodeId: string): readonly string[];
  /** The container around this node. */
  readonly wall: OuterWall;
  /** Ends this node once it has no more calls, so that another takes its place. */
  recycle(): void;
  /** Revokes a node, with `subtree` all that it let in; the ids that were. `by` names who asked, such as `token ID`. Throws `request.malformed`. */
  revoke(
    nodeId: string,
    options: { readonly subtree: boolean; readonly by: string },
  ): Promise<readonly string[]> | readonly string[];
  /** The signed registry of masters, as JSON. */
  masters(): MastersView;
  /** The newest revocation lists, in PEM. */
  crl(): string;
  readonly audit: AuditView;
}
