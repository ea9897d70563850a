// The owner of the machine: what guests may use, and who has to know when that changes.

import { availableParallelism } from "node:os";
import type { Part } from "../core/lifecycle.js";
import type { Membership } from "../mesh/membership/members.js";
import { type Allowance, ownerStates } from "../owner/allowance.js";
import { Governor } from "../owner/governor.js";
import { MachineSignals } from "../owner/machine-signals.js";
import { openPolicyStore } from "../owner/policy-store.js";
import type { AppParts } from "./app-parts.js";
import type { NodeContext } from "./node-context.js";

/** Builds the governor; it looks at nothing yet. */
export async function ownerGovernor(
  { config, identity, clock, timers, log }: NodeContext,
  { members }: { readonly members: Pick<Membership, "all"> },
): Promise<Governor> {
  return new Governor({
    ...{ defaults: config.policy, workers: config.workers, clock, timers },
    store: await openPolicyStore(await identity.files("owner"), log),
    signals: new MachineSignals({ kernel: config.kernel, clock }),
    cores: availableParallelism(),
    // A node that drains, sleeps or is gone takes no calls.
    alone: () => !members.all().some(({ state }) => state === "alive" || state === "suspect"),
  });
}

/** Who has to know. */
export interface Governed {
  readonly governor: Governor;
  readonly members: Pick<Membership, "watch" | "setState">;
  readonly apps: Pick<AppParts, "sandbox" | "forwarding">;
}

/** A line about the owner's state is logged at most this often, and first when the sensors had time to answer. */
const sayEveryMs = 10_000;
const firstSayMs = 2_000;

/** Looks at the machine, keeps the sandbox to what is allowed, and tells the members, the log, the metrics and the events. */
export function ownerPart(context: NodeContext, { governor, members, apps }: Governed): Part {
  const { identity, clock, timers, log, events } = context;
  registerMetrics(context, governor);
  let ends: (() => void)[] = [];
  let told: string | undefined;
  let endSilence: (() => void) | undefined;
  const beSilent = (ms: number): void => {
    endSilence = timers.after(ms, () => {
      endSilence = undefined;
      say();
    });
  };
  const say = (): void => {
    const { state, slots } = governor.current;
    if (endSilence !== undefined || state === told) return;
    beSilent(sayEveryMs);
    told = state;
    log.info(`the owner's policy: ${state}, ${slots} workers for guests`);
  };
  const apply = (now: Allowance, before?: Allowance): void => {
    apps.sandbox.allow(now);
    if (before !== undefined && mustStop(now, before)) {
      apps.sandbox.preempt().catch((cause: unknown) => log.error("calls could not be given back", { cause }));
    }
    if (now.state === before?.state) return;
    announce(members, { governor, apps });
    if (before !== undefined) {
      const { nodeName: node, nodeId: id } = identity;
      events.publish({ type: "node.owner", at: clock.now(), node, id, owner: now.state, slots: now.slots });
    }
    say();
  };
  return {
    name: "owner",
    start: async () => {
      ends = [governor.watch(apply), members.watch(() => governor.check())];
      beSilent(firstSayMs);
      apply(governor.current);
      await governor.start();
    },
    stop: () => {
      governor.stop();
      for (const end of ends.splice(0)) end();
      endSilence?.();
      endSilence = undefined;
    },
  };
}

/** Whether what runs has to go: no guest may any more, or, in a pause, not even calls of the node's own clients. */
function mustStop(now: Allowance, before: Allowance): boolean {
  return now.slots === 0 && (before.slots > 0 || (now.state === "paused" && before.state !== "paused"));
}

/** Tells the mesh whether this node takes calls: not while an operator drains it or it ends, nor while its owner paused it. */
export function announce(
  members: Pick<Membership, "setState">,
  { governor, apps }: { readonly governor: Governor; readonly apps: Pick<AppParts, "forwarding"> },
): void {
  const rest = governor.current.state === "paused" ? "asleep" : "alive";
  members.setState(apps.forwarding.load.draining ? "draining" : rest);
}

function registerMetrics({ metrics }: NodeContext, governor: Governor): void {
  metrics.gauge({ name: "herd_owner_state", help: "1 for the owner's state.", labels: ["state"] }, () =>
    ownerStates.map((state) => [[state], governor.current.state === state ? 1 : 0] as const),
  );
  metrics.gauge(
    { name: "herd_slots_allowed", help: "Workers that the owner leaves to guests." },
    () => governor.current.slots,
  );
}
