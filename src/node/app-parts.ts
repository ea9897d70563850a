// Apps and calls: from an upload to a running revision, and from a call to its answer, here or one hop away.

import { Sandbox } from "../../runtime/sandbox/sandbox.js";
import type { Part } from "../core/lifecycle.js";
import { type DeployParts, deployParts } from "../deploy/deploy-parts.js";
import { AppRouter } from "../invoke/app-router.js";
import { capacityParts } from "../invoke/capacity-parts.js";
import { Forwarding, type ForwardingOptions } from "../invoke/forwarding/forwarding.js";
import type { Links, Members } from "../mesh/ports.js";
import type { AllowanceSource } from "../owner/allowance.js";
import type { TrustParts } from "../trust/trust-parts.js";
import type { NodeContext } from "./node-context.js";

/** What runs functions on this node, and what sends calls and deploys to others. */
export interface AppParts extends DeployParts {
  readonly sandbox: Sandbox;
  readonly router: AppRouter;
  readonly forwarding: Forwarding;
  /** Measures what the node can do, once it serves. */
  readonly capacity: Part;
}

/** What the parts need of the mesh. `publish` spreads a manifest. */
interface AppDependencies {
  readonly links: Links;
  readonly members: Members;
  /** How long the event loop was held up lately. */
  readonly loopDelayMs: () => number;
  readonly allowances: AllowanceSource;
  readonly trust: TrustParts;
  readonly publish: (text: string) => void;
}

/** Builds the parts; nothing runs yet. */
export async function appParts(context: NodeContext, dependencies: AppDependencies): Promise<AppParts> {
  const sandbox = guestSandbox(context);
  const router = new AppRouter((revision) => sandbox.forget(revision));
  const { trust } = dependencies;
  const deploy = await deployParts(context, {
    ...dependencies,
    limits: context.config.limits,
    authors: trust.registry,
    nameOf: trust.nameOf,
    marks: trust.marks,
    preparer: sandbox,
    switch: router,
    audit: (event) => {
      const { clock, events } = context;
      events.publish({ type: event.event, at: clock.now(), app: event.subject, by: event.by });
      trust.record(event);
    },
  });
  const { deployer, compiler, propagator } = deploy;
  const isDeploying = (): boolean => deployer.busy || compiler.busy || propagator.busy;
  const capacity = await capacityParts(context, { sandbox, isDeploying });
  const forwarding: Forwarding = nodeForwarding(context, {
    ...dependencies,
    sandbox,
    router,
    capacity: capacity.source,
  });
  return { ...deploy, sandbox, router, forwarding, capacity: capacity.part };
}

function guestSandbox({ config, clock, identity, log }: NodeContext): Sandbox {
  return new Sandbox({
    workers: config.workers,
    limits: config.limits,
    nodeName: identity.nodeName,
    clock,
    onThreadEnd: ({ reason, cause, count }) =>
      log.warn("a worker thread ended and is replaced", { reason, count, ...(cause === undefined ? {} : { cause }) }),
  });
}

/** What sends calls to peers and takes theirs. */
function nodeForwarding(
  { config, clock, timers, random, identity, log, ring, metrics }: NodeContext,
  parts: AppDependencies & Pick<ForwardingOptions, "sandbox" | "router" | "capacity">,
): Forwarding {
  const { nameOf } = parts.trust;
  return new Forwarding({
    nodeId: identity.nodeId,
    links: parts.links,
    members: parts.members,
    loopDelayMs: parts.loopDelayMs,
    allowances: parts.allowances,
    localBias: config.localBias,
    capacity: parts.capacity,
    sandbox: parts.sandbox,
    router: parts.router,
    limits: config.limits,
    clock,
    timers,
    random,
    log,
    metrics,
    nameOf,
    onLine: ({ nodeId, invocation, level, message, app, revision, function: name }) =>
      ring.add({ at: clock.now(), node: nameOf(nodeId), level, message, app, revision, function: name, invocation }),
  });
}
