// Ports of the HTTPS interface: the tokens, nodes, links and log of the mesh. `src/node/` connects them.

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

/** The registry of every node that was ever let in. */
export interface NodeRegistry {
  nodes(): readonly NodeEntry[];
  node(id: string): NodeEntry | undefined;
  byName(name: string): NodeEntry | undefined;
  /** Ids of a node and of all nodes that it let in, directly or not; its own id is the first. */
  subtree(id: string): readonly string[];
  /** Which node let in which, as `GET /v1/nodes?tree=true` answers; undefined while no node is known. */
  tree(stateOf: (id: string) => string): TreeNode | undefined;
}

/** Drains this node: while draining is on, the node gives its calls to peers, and takes none from them. */
interface Drainable {
  readonly draining: boolean;
  /** Whether the node's owner paused it: then the node runs no call at all. */
  readonly asleep: boolean;
  /** Turns draining on or off; off also ends a pause. Resolves once the state is stored. */
  setDraining(on: boolean): Promise<void> | void;
}

/** The policy of this machine's owner, the allowance that follows from it, and the signals of the machine. */
export type Owner = Pick<Governor, "current" | "policy" | "signals" | "pausedUntil" | "update">;

/** What a node reports of itself: the start and the ends of its certificates in epoch ms. */
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
  /** Stats of a peer; undefined when no report of it came lately. */
  statsOf(nodeId: string): PeerStats | undefined;
  /** Stats of this node. */
  here(): NodeStats;
  /** Ids of the peers that can run a revision. */
  holders(revision: string): Iterable<string>;
  /** Why a node was chosen for a call of this node's clients; undefined for an old call, or one without a choice. */
  choiceOf(invocation: string): DecisionView | undefined;
  readonly drainable: Drainable;
  /** Addresses of the duplicate processes of a node; empty when one process alone has its identity. */
  processesOf(nodeId: string): readonly string[];
  /** The container around this node. */
  readonly wall: OuterWall;
  /** Ends this node once it has no more calls, so that its supervisor starts another. */
  recycle(): void;
  /**
   * Revokes a node, with `subtree` also all nodes that it let in. Gives the ids of the revoked nodes. `by` names the
   * actor, such as `token ID`. Throws `node.unknown` and `state.conflict`.
   */
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
