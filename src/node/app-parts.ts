// Apps and calls: from an upload to a running revision, and from a call to its answer, here or one hop away.

import { Compiler } from "../../runtime/compile/compiler.js";
import { Sandbox } from "../../runtime/sandbox/sandbox.js";
import { Catalog } from "../catalog/catalog.js";
import type { Part } from "../core/lifecycle.js";
import { Acknowledger } from "../deploy/acknowledge.js";
import { Activation } from "../deploy/activation.js";
import { Deployer } from "../deploy/deployer.js";
import { Healing } from "../deploy/healing.js";
import { Propagator } from "../deploy/propagate.js";
import { AppRouter, activeApp } from "../invoke/app-router.js";
import { Forwarding } from "../invoke/forwarding/forwarding.js";
import type { Links, Members } from "../mesh/ports.js";
import type { AllowanceSource } from "../owner/allowance.js";
import { MemoryFiles } from "../storage/state-files.js";
import type { TrustParts } from "../trust/trust-parts.js";
import { capacityParts } from "./capacity-parts.js";
import type { NodeContext } from "./node-context.js";

/** What runs functions on this node, and what sends calls and deploys to others. */
export interface AppParts {
  readonly catalog: Catalog;
  readonly compiler: Compiler;
  readonly sandbox: Sandbox;
  readonly router: AppRouter;
  readonly deployer: Deployer;
  readonly propagator: Propagator;
  readonly healing: Healing;
  readonly forwarding: Forwarding;
  /** Measures what the node can do, once it serves. */
  readonly capacity: Part;
}

/** What the parts need of the mesh. `publish` spreads a manifest; `appOf` names the app of a call that came in here. */
interface AppDependencies {
  readonly links: Links;
  readonly members: Members;
  /** How long the event loop was held up lately. */
  readonly loopDelayMs: () => number;
  readonly allowances: AllowanceSource;
  readonly trust: TrustParts;
  readonly publish: (text: string) => void;
  readonly appOf: (invocation: string) => string | undefined;
}

/** Builds the parts; nothing runs yet. */
export async function appParts(context: NodeContext, dependencies: AppDependencies): Promise<AppParts> {
  const { config, clock, timers, random, identity, log, ring, metrics } = context;
  const { links, members, trust } = dependencies;
  const { limits } = config;
  const nameOf = (id: string): string => trust.nameOf(id);
  const node = identity.nodeName;

  const sandbox: Sandbox = new Sandbox({
    workers: config.workers,
    limits,
    nodeName: node,
    clock,
    onThreadEnd: ({ reason, cause, count }) =>
      log.warn("a worker thread ended and is replaced", { reason, count, ...(cause === undefined ? {} : { cause }) }),
    onLog: ({ revision, function: name, invocation, level, message }) => {
      if (forwarding.logs.relay({ invocation, level, message })) return;
      const app = dependencies.appOf(invocation);
      const origin = { ...(app === undefined ? {} : { app }), revision, function: name, invocation };
      ring.add({ at: clock.now(), node, level, message, ...origin });
    },
  });
  const catalog = new Catalog({
    // A node that is no master keeps apps in memory: on a stolen disk of it there is no app.
    files: identity.isMaster ? await identity.files("catalog") : new MemoryFiles(),
    clock,
    limits,
    meshId: identity.meshId,
    signer: identity.signer,
    authors: trust.registry,
    publish: dependencies.publish,
  });
  const router = new AppRouter((revision) => sandbox.forget(revision));
  const activation = new Activation({
    catalog,
    preparer: sandbox,
    switch: {
      activate: (app, prepared, options) => router.activate(activeApp(app, prepared, options)),
      remove: (app) => router.remove(app),
    },
  });
  const compiler = new Compiler({ limits, clock });
  const isMaster = { self: identity.isMaster, of: (id: string) => trust.registry.node(id)?.master === true };
  const deployer = new Deployer({
    ...{ compiler, catalog, activation, clock, log, node },
    mayDeploy: () => trust.marks().deploy,
    spread: new Acknowledger({ links, members, isMaster, nameOf, timers, log }),
    audit: (event) => {
      context.events.publish({ type: event.event, at: clock.now(), app: event.subject, by: event.by });
      trust.record(event);
    },
  });
  const propagator = new Propagator({ records: catalog.records, activation, links, clock, timers, random, log });

  const healing = new Healing({ records: catalog.records, activation, links, clock, timers, random, log });
  const capacity = await capacityParts(context, { sandbox, isDeploying: () => deployer.busy || propagator.busy });
  const forwarding: Forwarding = new Forwarding({
    nodeId: identity.nodeId,
    links,
    members,
    loopDelayMs: dependencies.loopDelayMs,
    allowances: dependencies.allowances,
    localBias: config.localBias,
    capacity: capacity.source,
    sandbox,
    router,
    limits,
    clock,
    timers,
    random,
    log,
    metrics,
    nameOf,
    onLine: ({ nodeId, invocation, level, message, app, revision, function: name }) =>
      ring.add({ at: clock.now(), node: nameOf(nodeId), level, message, app, revision, function: name, invocation }),
  });
  return { catalog, compiler, sandbox, router, deployer, propagator, healing, forwarding, capacity: capacity.part };
}
