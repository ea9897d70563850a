// Runs a call here or one hop away, and retries it elsewhere when a peer refuses or loses the call.

import { Preempted } from "../../../runtime/sandbox/failures.js";
import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import type { Random } from "../../core/timers.js";
import {
  type Invocation,
  type InvocationEnd,
  type InvocationResult,
  type Invoker,
  type LocalInvoker,
  settle,
} from "../invoker.js";
import type { FunctionWork } from "../learning/function-work.js";
import type { WorkModel } from "../learning/work-model.js";
import type { OwnLoad } from "../peers/own-load.js";
import type { Peer } from "../peers/peer.js";
import type { PeerStatuses } from "../peers/peer-statuses.js";
import { type Choice, type ChoiceInput, choose, chooseAgain, chooseAway } from "../routing/choose.js";
import type { Decisions } from "../routing/decisions.js";
import { type Here, queueTimeoutMs } from "../routing/finish.js";
import { type Step, stepOf } from "../routing/step.js";
import type { CallSender, Unanswered } from "./call-sender.js";
import type { ForwardMetrics } from "./forward-metrics.js";

/** Dependencies of {@link MeshInvoker}. */
export interface MeshInvokerOptions {
  /** This node's id. */
  readonly nodeId: string;
  readonly local: LocalInvoker;
  readonly sender: CallSender;
  readonly load: OwnLoad;
  readonly workModel: Pick<WorkModel, "works">;
  readonly statuses: Pick<PeerStatuses, "candidates" | "get" | "refresh">;
  readonly metrics: ForwardMetrics;
  readonly random: Random;
  /** See {@link ChoiceInput}. */
  readonly bias: number;
  readonly clock: Clock;
  /** Keeps each decision with its reasons. */
  readonly decisions: Decisions;
  /** A node's name, as people know the node. */
  readonly nameOf: (nodeId: string) => string;
}

/** Calls with larger arguments run here: to move the bytes takes longer than most waits. */
const maxArgumentBytes = 4 * 1024 * 1024;

/** An invocation with the steps of its way so far. */
interface RoutedInvocation {
  readonly invocation: Invocation;
  readonly work: FunctionWork;
  /** The choices made so far; undefined when there was nothing to choose. */
  steps: Step[] | undefined;
  /** Whether a peer had the call. */
  wasAway: boolean;
}

/** The invoker of a node in a mesh. A call is sent to two peers at most, one after the other. */
export class MeshInvoker implements Invoker {
  readonly #options: MeshInvokerOptions;

  constructor(options: MeshInvokerOptions) {
    this.#options = options;
  }

  /** A mesh of one node pays only for one look at its peers. */
  begin(invocation: Invocation, end: InvocationEnd): void {
    const { statuses, workModel, load, nodeId, clock, decisions, bias } = this.#options;
    const { node, function: name } = invocation;
    const { revision } = invocation.app.prepared;
    const routed: RoutedInvocation = {
      invocation,
      work: workModel.works.of(revision, name),
      steps: undefined,
      wasAway: false,
    };
    if (node !== undefined && node !== nodeId) {
      settle(this.#pinned(routed, node), end);
      return;
    }
    const peers = statuses.candidates(revision).length;
    if (peers === 0 || node !== undefined) {
      this.#here(routed, end);
      return;
    }
    const large = invocation.arguments.body.length > maxArgumentBytes;
    const here = load.read();
    const { choice, step } = large
      ? { choice: "large" as const, step: stepOf<Peer>("large", { here, work: routed.work }) }
      : this.#choose(routed, { here, by: choose });
    routed.steps = decisions.add(invocation, { at: clock.now(), peers, bias, step }).steps;
    if (typeof choice === "string") this.#here(routed, end);
    else settle(this.#away(routed, { first: choice, step }), end);
  }

  /** Chooses by `choose`, `chooseAgain` or `chooseAway` among the peers except `except`. */
  #choose<By extends Choice<Peer> | undefined>(
    { invocation, work }: RoutedInvocation,
    { here, by, except }: { here: Here; by: (input: ChoiceInput<Peer>) => By; except?: Peer },
  ): { choice: By; step: Step } {
    const { statuses, random, bias, decisions, clock } = this.#options;
    statuses.refresh();
    const peers = statuses.candidates(invocation.app.prepared.revision);
    const trace = decisions.trace<Peer>(clock.monotonic());
    const choice = by({ local: here, peers, work, random, bias, except, trace });
    const way: Choice<Peer> | "home" = choice ?? home(here);
    return { choice, step: stepOf<Peer>(way, { here, work, trace }) };
  }

  #here(routed: RoutedInvocation, end: InvocationEnd): void {
    const { load, local } = this.#options;
    if (!load.available) {
      end.reject(unavailable(load));
      return;
    }
    const { work, invocation } = routed;
    local.begin(invocation, load.track(end, { work, preempted: (after) => settle(this.#preempted(routed), after) }));
  }

  /** {@link #here} after a peer had the call. */
  #back(routed: RoutedInvocation): Promise<InvocationResult> {
    return new Promise((resolve, reject) => this.#here(routed, { resolve, reject }));
  }

  /**
   * Handles a preempted call of this node's own client: the call goes to a peer unless a peer had it before. Otherwise
   * it runs here again, where calls run one at a time.
   */
  async #preempted(routed: RoutedInvocation): Promise<InvocationResult> {
    const { load, local, metrics } = this.#options;
    const { invocation, work } = routed;
    metrics.retried.add();
    if (!routed.wasAway && invocation.node === undefined && invocation.arguments.body.length <= maxArgumentBytes) {
      const { choice: peer, step } = this.#choose(routed, { here: load.read(), by: chooseAway });
      if (peer !== undefined) {
        routed.steps?.push(step);
        return this.#away(routed, { first: peer, step });
      }
    }
    routed.steps?.push(stepOf<Peer>("stopped", { here: load.read(), work }));
    if (!load.available) throw unavailable(load);
    return new Promise((resolve, reject) => {
      const end: InvocationEnd = { resolve, reject };
      local.begin(invocation, load.track(end, { work, preempted: () => reject(new Preempted()) }));
    });
  }

  async #away(routed: RoutedInvocation, { first, step }: { first: Peer; step: Step }): Promise<InvocationResult> {
    const { metrics, load } = this.#options;
    const sent = await this.#send(routed, { peer: first, step });
    if (typeof sent !== "string") return sent;
    metrics.retried.add();
    // After a refusal by the peer that was expected to be better than this node, another peer is next, unless a worker
    // is free here. After a lost call the choice starts anew.
    const isRefused = step.refusal !== undefined;
    const by: (input: ChoiceInput<Peer>) => Choice<Peer> | undefined = isRefused ? chooseAgain : choose;
    const again = this.#choose(routed, { here: load.read(), by, except: first });
    routed.steps?.push(again.step);
    if (again.choice === undefined || typeof again.choice === "string") return this.#back(routed);
    const second = await this.#send(routed, { peer: again.choice, step: again.step });
    if (typeof second !== "string") return second;
    metrics.retried.add();
    const here = load.read();
    routed.steps?.push(stepOf<Peer>(home(here), { here, work: routed.work }));
    return this.#back(routed);
  }

  async #send(
    routed: RoutedInvocation,
    { peer, step }: { peer: Peer; step: Step },
  ): Promise<InvocationResult | Unanswered> {
    const { invocation, work } = routed;
    routed.wasAway = true;
    try {
      const timeoutMs = queueTimeoutMs<Peer>(peer, { local: step.here, work });
      const sent = await this.#options.sender.send(invocation, { peer, queueTimeoutMs: timeoutMs, work });
      if (typeof sent !== "string") step.taken = "answered";
      else if (sent === "lost" || sent === "broken") step.taken = sent;
      else {
        step.taken = "refused";
        step.refusal = sent;
      }
      return sent;
    } catch (error) {
      step.taken = "failed";
      throw error;
    }
  }

  /** For diagnosis: runs the call at that node or fails, however long that node's queue is. */
  async #pinned({ invocation, work }: RoutedInvocation, nodeId: string): Promise<InvocationResult> {
    const { statuses, sender, nameOf } = this.#options;
    const peer = statuses.get(nodeId);
    const sent = peer === undefined ? "lost" : await sender.send(invocation, { peer, queueTimeoutMs: undefined, work });
    if (typeof sent !== "string") return sent;
    if (peer?.draining === true) {
      throw new HerdError("node.draining", `${nameOf(nodeId)} takes no calls`, { retryAfterSeconds: 5 });
    }
    if (peer?.fresh === true && peer.slots === 0) {
      const why = `${nameOf(nodeId)} takes no calls of others now: ${peer.owner}`;
      throw new HerdError("node.paused", why, { retryAfterSeconds: 30 });
    }
    if (sent === "broken") throw new HerdError("internal", `${nameOf(nodeId)} failed; its log says more`);
    const detail =
      sent === "lost" ? `${nameOf(nodeId)} cannot be reached` : `${nameOf(nodeId)} cannot run this revision now`;
    throw new HerdError("node.unavailable", detail, { retryAfterSeconds: 1 });
  }
}

/** The error of a node that does not run even its own clients' calls. */
function unavailable({ drained }: OwnLoad): HerdError {
  const suffix = "and no peer can take this one";
  if (drained) return new HerdError("node.draining", `the node takes no calls, ${suffix}`, { retryAfterSeconds: 5 });
  return new HerdError("node.paused", `the node's owner has paused it, ${suffix}`, { retryAfterSeconds: 60 });
}

/** The step's way when no peer is left to try. */
function home({ available }: Here): "home" | "none" {
  return available ? "home" : "none";
}
