// Runs a call here or one hop away, and elsewhere when a peer refuses it or is lost while it has it.

import { Evicted } from "../../runtime/sandbox/evicted.js";
import type { Clock } from "../core/clock.js";
import { HerdError } from "../core/errors.js";
import type { Random } from "../core/timers.js";
import type { CallSender, Unanswered } from "./call-sender.js";
import { choose, chooseAway, defaultBias } from "./choose.js";
import { type Decisions, type Step, stepOf } from "./decisions.js";
import { type Here, patienceMs, type Work } from "./finish.js";
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
  readonly clock: Clock;
  /** Keeps what was decided, and why. */
  readonly decisions: Decisions;
  /** A node's name for people. */
  readonly nameOf: (nodeId: string) => string;
}

/** Larger arguments stay here: moving them takes longer than most waits. */
const maxArgumentBytes = 4 * 1024 * 1024;

/** Every call is like every other, and every node as fast. */
const work: Work<Peer> = { units: undefined, hereRate: 1, rateAt: () => 1 };

/** The invoker of a node in a mesh. A call is at two peers at most, one after the other. */
export class MeshInvoker implements Invoker {
  readonly #options: MeshInvokerOptions;

  constructor(options: MeshInvokerOptions) {
    this.#options = options;
  }

  /** Not async: a mesh of one node pays for one look at its peers. */
  invoke(invocation: Invocation): Promise<Outcome> {
    const { statuses, load, random, nodeId, clock, decisions } = this.#options;
    const { node } = invocation;
    if (node !== undefined && node !== nodeId) return this.#pinned(invocation, node);
    const peers = statuses.candidates(invocation.app.prepared.revision);
    if (peers.length === 0 || node !== undefined) return this.#here(invocation, undefined);
    const local = load.read();
    const large = invocation.arguments.body.length > maxArgumentBytes;
    const choice = large ? "large" : choose({ local, peers, work, random, bias: defaultBias });
    const step = stepOf(choice, local);
    const { steps } = decisions.add(invocation, { at: clock.now(), peers: peers.length, step });
    if (typeof choice === "string") return this.#here(invocation, large ? undefined : steps);
    return this.#away(invocation, { first: choice, step, steps });
  }

  /** `steps` are those of a call that goes to a peer when this node must stop it. */
  #here(invocation: Invocation, steps: Step[] | undefined): Promise<Outcome> {
    const { load, local } = this.#options;
    if (!load.available) return Promise.reject(unavailable(load));
    return load.track(local.invoke(invocation), () => this.#evicted(invocation, steps));
  }

  /** The node had to stop a call of its own client: at a peer once, else here again, where calls run one at a time. */
  async #evicted(invocation: Invocation, steps: Step[] | undefined): Promise<Outcome> {
    const { load, local, statuses, random, metrics } = this.#options;
    metrics.retried.add();
    const now = load.read();
    const peers = steps === undefined ? [] : statuses.candidates(invocation.app.prepared.revision);
    const peer = chooseAway({ local: now, peers, work, random, bias: defaultBias });
    const step = stepOf(peer ?? home(now), now);
    steps?.push(step);
    if (peer !== undefined) {
      const sent = await this.#send(invocation, { peer, step });
      if (typeof sent !== "string") return sent;
      const last = load.read();
      steps?.push(stepOf(home(last), last));
    }
    if (!load.available) throw unavailable(load);
    return load.track(local.invoke(invocation), () => {
      throw new Evicted();
    });
  }

  async #away(
    invocation: Invocation,
    { first, step, steps }: { first: Peer; step: Step; steps: Step[] },
  ): Promise<Outcome> {
    const { metrics, load, random, statuses } = this.#options;
    const sent = await this.#send(invocation, { peer: first, step });
    if (typeof sent !== "string") return sent;
    metrics.retried.add();
    const now = load.read();
    const peers = statuses.candidates(invocation.app.prepared.revision);
    const input = { local: now, peers, work, random, bias: defaultBias, except: first };
    // A refusal came from a peer that was thought to be free: home is busy too, so another peer is next. A lost call starts anew.
    const again = sent === "refused" ? chooseAway(input) : choose(input);
    const next = stepOf(again ?? home(now), now);
    steps.push(next);
    if (again === undefined || typeof again === "string") return this.#here(invocation, undefined);
    const second = await this.#send(invocation, { peer: again, step: next });
    if (typeof second !== "string") return second;
    metrics.retried.add();
    const last = load.read();
    steps.push(stepOf(home(last), last));
    return this.#here(invocation, undefined);
  }

  async #send(invocation: Invocation, { peer, step }: { peer: Peer; step: Step }): Promise<Outcome | Unanswered> {
    try {
      const sent = await this.#options.sender.send(invocation, {
        peer,
        patienceMs: patienceMs(peer, { local: step.here, work }),
      });
      step.taken = typeof sent === "string" ? sent : "answered";
      return sent;
    } catch (error) {
      step.taken = "failed";
      throw error;
    }
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
    if (peer?.fresh === true && peer.slots === 0) {
      const why = `${nameOf(nodeId)} takes no calls of others now: ${peer.owner}`;
      throw new HerdError("node.overloaded", why, { retryAfterSeconds: 30 });
    }
    const detail =
      sent === "lost" ? `${nameOf(nodeId)} cannot be reached` : `${nameOf(nodeId)} cannot run this revision now`;
    throw new HerdError("node.overloaded", detail, { retryAfterSeconds: 1 });
  }
}

/** Why this node runs not even its own clients' calls. */
function unavailable({ drained }: OwnLoad): HerdError {
  const nobody = "and no peer can take this one";
  if (drained) return new HerdError("node.draining", `the node takes no calls, ${nobody}`, { retryAfterSeconds: 5 });
  return new HerdError("node.overloaded", `the node's owner has paused it, ${nobody}`, { retryAfterSeconds: 60 });
}

/** What is left when no peer is. */
function home({ available }: Here): "home" | "none" {
  return available ? "home" : "none";
}
