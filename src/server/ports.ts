// What the HTTPS interface uses of the mesh: its tokens, nodes, links and log. `src/node/` wires them.

import type { TreeNode } from "../api/nodes.js";
import type { OuterWall } from "../core/outer-wall.js";
import type { Links, Members } from "../mesh/ports.js";
import type { Governor } from "../owner/governor.js";
import type { MastersView } from "../pki/registry/masters.js";
import type { SignIn as SignInCodes } from "../pki/tokens/sign-in.js";
import type { TokenAuthority } from "../pki/tokens/tokens.js";
import type { AuditView } from "../trust/audit-view.js";

/** Issues, checks and revokes tokens. */
export type Tokens = Pick<TokenAuthority, "verifyCached" | "verify" | "issue" | "list" | "revoke">;

/** Exchanges one-time codes for admin tokens. */
export type SignIn = Pick<SignInCodes, "redeem">;

/** A node as the mesh's records describe it. `at` (epoch ms) is when it was let in, by `parent` (id; none for the founder). */
export interface NodeEntry {
  readonly id: string;
  readonly name: string;
  readonly fingerprint: string;
  readonly master: boolean;
  readonly deploy: boolean;
  readonly revoked: boolean;
  readonly parent: string | undefined;
  readonly approvedBy: string;
  readonly at: number;
}

/** Every node that was ever let in. */
export interface NodeRegistry {
  nodes(): readonly NodeEntry[];
  node(id: string): NodeEntry | undefined;
  byName(name: string): NodeEntry | undefined;
  /** Ids of a node and of all that it let in, directly or not, itself first. */
  subtree(id: string): readonly string[];
  /** The tree of CONTRACT's `node tree`, as JSON; undefined while nobody is known. */
  tree(stateOf: (id: string) => string): TreeNode | undefined;
}

/** Calls that a node can run at once, runs, and keeps waiting. */
interface Load {
  readonly slots: number;
  readonly running: number;
  readonly queued: number;
}

/** What a node can do: work units per second of all its workers, overall and by kernel. */
interface CapacityFigures {
  readonly overall: number;
  readonly kernels: Readonly<Record<string, number>>;
  readonly workers: number;
}

/** A node's live state as it tells it, what it can do, and what is made of both. */
export interface NodeFigures extends Load {
  /** What its owner leaves to calls: one of the states in `src/owner/allowance.ts`. */
  readonly owner: string;
  readonly loopDelayMs: number;
  readonly capacity: CapacityFigures | undefined;
  /** 1 when it runs calls as fast as its capacity lets expect, less when slower. */
  readonly pace: number;
  /** Preference for it when a node is drawn for a call: work units per second, all told; 0 when it gets no calls. */
  readonly weight: number;
}

/** What this node knows of a peer that it heard of lately; the rate is of errors of the node, 0 to 1. */
export interface PeerFigures extends NodeFigures {
  readonly errorRate: number;
  /** Whether it gets no calls for a while because it failed. */
  readonly ejected: boolean;
}

/** A side of a choice: its load then, the mean run (ms), and the time to the answer expected there (ms; null: it takes none). */
export interface ChoiceSide extends Load {
  readonly serviceMs: number | undefined;
  readonly expectedMs: number | null;
  /** The heaviest call that its owner takes, in work units; null for any. */
  readonly lightUnits: number | null;
}

/**
 * A candidate of a choice: weight in work units per ms, units per ms of one of its workers, ms until the answer
 * expected there, why it could not be drawn (null when it could), and the heaviest call that its owner takes.
 */
interface ChoiceCandidate {
  readonly nodeId: string;
  readonly weight: number;
  readonly rate: number;
  readonly expectedMs: number | null;
  readonly whyNot: string | null;
  readonly lightUnits: number | null;
}

/**
 * A step of a call's way: `local`, `queue`, `none`, `large` (arguments), `home` (no peer left), `stopped` (here, since
 * no peer takes what this node had to stop) or `peer`; `taken`: how that peer took it, `refusal` why it refused;
 * `units`: the call's work. `sample` is kept for some.
 */
interface ChoiceStep {
  readonly way: string;
  readonly here: ChoiceSide & { readonly available: boolean };
  readonly peer:
    | (ChoiceSide & { readonly nodeId: string; readonly rttMs: number | undefined; readonly inFlight: number })
    | undefined;
  readonly taken: string | undefined;
  readonly refusal: string | undefined;
  readonly units: number | undefined;
  readonly sample: { readonly candidates: readonly ChoiceCandidate[]; readonly draws: readonly string[] } | undefined;
}

/** Why a call went where it went. `at` is epoch ms, `peers` how many could run the revision, `bias` how much sooner one had to be. */
export interface CallChoice {
  readonly invocation: string;
  readonly at: number;
  readonly app: string;
  readonly revision: string;
  readonly function: string;
  readonly peers: number;
  readonly bias: number;
  readonly steps: readonly ChoiceStep[];
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
  figuresOf(nodeId: string): PeerFigures | undefined;
  /** The same of this node. */
  here(): NodeFigures;
  /** Ids of the peers that can run a revision. */
  holders(revision: string): Iterable<string>;
  /** Why a call of this node's clients went where it went; undefined when it is long ago, or there was no choice. */
  choiceOf(invocation: string): CallChoice | undefined;
  readonly drainable: Drainable;
  /** Where the processes of a node are when two run with its identity; else none. */
  twinsOf(nodeId: string): readonly string[];
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
