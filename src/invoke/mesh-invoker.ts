// Runs a call here or one hop away, and elsewhere when a peer refuses it or is lost while it has it.

import { HerdError } from "../core/errors.js";
import type { Random } from "../core/timers.js";
import type { CallSender } from "./call-sender.js";
import { choose, chooseAway, type Here, patienceMs } from "./choose.js";
import type { ForwardMetrics } from "./forward-metrics.js";
import type { Invocation, Invoker, LocalInvoker, Outcome } from "./invoker.js";
import type { OwnLoad } from "./own-load.js";
import type { Peer } from "./peer.js";
import type { PeerStatuses } from "./peer-statuses.js";

/** What {@link MeshInvoker} works with. */
export interface MeshInvokerOptions {
  /** This node's id. */
  readonly nodeId: string;
  readonly local: LocalInvoker;
  readonly sender: CallSender;
  readonly load: OwnLoad;
  readonly statuses: Pick<PeerStatuses, "candidates" | "get">;
  readonly metrics: ForwardMetrics;
  readonly random: Random;
  /** A node's name for people. */
  readonly nameOf: (nodeId: string) => string;
}

/** Larger arguments stay here: moving them takes longer than most waits. */
const maxArgumentBytes = 4 * 1024 * 1024;

/** The invoker of a node in a mesh. A call is at two peers at most, one after the other. */
export class MeshInvoker implements Invoker {
  readonly #options: MeshInvokerOptions;

  constructor(options: MeshInvokerOptions) {
    this.#options = options;
  }

  /** Not async: a mesh of one node pays for one look at its peers. */
  invoke(invocation: Invocation): Promise<Outcome> {
    const { statuses, load, random, nodeId } = this.#options;
    const { node } = invocation;
    if (node !== undefined && node !== nodeId) return this.#pinned(invocation, node);
    const peers = statuses.candidates(invocation.app.prepared.revision);
    if (peers.length === 0 || node !== undefined || invocation.arguments.body.length > maxArgumentBytes) {
      return this.#here(invocation);
    }
    const local = load.read();
    const choice = choose({ local, peers, random });
    if (typeof choice === "string") return this.#here(invocation);
    return this.#away(invocation, { first: choice, local });
  }

  #here(invocation: Invocation): Promise<Outcome> {
    const { load, local } = this.#options;
    if (load.available) return load.track(local.invoke(invocation));
    const detail = "the node takes no calls, and no peer can take this one";
    return Promise.reject(new HerdError("node.draining", detail, { retryAfterSeconds: 5 }));
  }

  async #away(invocation: Invocation, { first, local }: { first: Peer; local: Here }): Promise<Outcome> {
    const { sender, metrics, load, random, statuses } = this.#options;
    const sent = await sender.send(invocation, { peer: first, patienceMs: patienceMs(local, first) });
    if (typeof sent !== "string") return sent;
    metrics.retried.add();
    const now = load.read();
    const input = { local: now, peers: statuses.candidates(invocation.app.prepared.revision), random, except: first };
    // A refusal came from a peer that was thought to be free: home is busy too, so another peer is next. A lost call starts anew.
    const again = sent === "refused" ? chooseAway(input) : choose(input);
    if (again === undefined || typeof again === "string") return this.#here(invocation);
    const second = await sender.send(invocation, { peer: again, patienceMs: patienceMs(now, again) });
    if (typeof second !== "string") return second;
    metrics.retried.add();
    return this.#here(invocation);
  }

  /** For diagnosis: at that node or nowhere, however long its queue is. */
  async #pinned(invocation: Invocation, nodeId: string): Promise<Outcome> {
    const { statuses, sender, nameOf } = this.#options;
    const peer = statuses.get(nodeId);
    const sent = peer === undefined ? "lost" : await sender.send(invocation, { peer, patienceMs: undefined });
    if (typeof sent !== "string") return sent;
    if (peer?.draining === true) {
      throw new HerdError("node.draining", `${nameOf(nodeId)} takes no calls`, { retryAfterSeconds: 5 });
    }
    const detail =
      sent === "lost" ? `${nameOf(nodeId)} cannot be reached` : `${nameOf(nodeId)} cannot run this revision now`;
    throw new HerdError("node.overloaded", detail, { retryAfterSeconds: 1 });
  }
}
