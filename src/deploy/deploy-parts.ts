// What deploys apps, put together: the catalog, and what changes it here and at peers.

import { Compiler } from "../../runtime/compile/compiler.js";
import { Catalog, type CatalogOptions } from "../catalog/catalog.js";
import type { Clock } from "../core/clock.js";
import type { Limits } from "../core/limits.js";
import type { Logger } from "../core/log.js";
import type { Random, Timers } from "../core/timers.js";
import type { Links, Members } from "../mesh/ports.js";
import type { Identity } from "../pki/identity/identity.js";
import { MemoryFiles } from "../storage/state-files.js";
import { Acknowledger } from "./acknowledge.js";
import { Activation, type ActivationOptions } from "./activation.js";
import { Deployer, type DeployerOptions } from "./deployer.js";
import { Healing } from "./healing.js";
import { Propagator } from "./propagate.js";

/** The parts, in the order of their dependencies. */
export interface DeployParts {
  readonly catalog: Catalog;
  readonly compiler: Compiler;
  readonly deployer: Deployer;
  readonly propagator: Propagator;
  readonly healing: Healing;
}

/** What the parts are built from. */
interface DeployContext {
  readonly identity: Pick<Identity, "isMaster" | "files" | "meshId" | "signer" | "nodeName">;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Logger;
}

/** Further dependencies of the parts; `publish` spreads a manifest. */
interface DeployDependencies extends Pick<ActivationOptions, "preparer" | "switch"> {
  readonly publish: NonNullable<CatalogOptions["publish"]>;
  readonly audit: NonNullable<DeployerOptions["audit"]>;
  readonly limits: Limits;
  readonly links: Links;
  readonly members: Members;
  /** The nodes that may sign manifests; they tell masters from other nodes, too. */
  readonly authors: CatalogOptions["authors"] & { node(id: string): { readonly master: boolean } | undefined };
  readonly nameOf: (id: string) => string;
  /** What this node may do for others now. */
  readonly marks: () => { readonly deploy: boolean };
}

/** Builds the parts; nothing runs yet. */
export async function deployParts(
  { identity, clock, timers, random, log }: DeployContext,
  dependencies: DeployDependencies,
): Promise<DeployParts> {
  const { limits, links, members, authors, nameOf, marks, publish, audit, preparer, switch: apps } = dependencies;
  const catalog = new Catalog({
    // A node that is no master keeps apps in memory: on a stolen disk of it there is no app.
    files: identity.isMaster ? await identity.files("catalog") : new MemoryFiles(),
    clock,
    limits,
    meshId: identity.meshId,
    signer: identity.signer,
    authors,
    publish,
  });
  const activation = new Activation({ catalog, preparer, switch: apps });
  const compiler = new Compiler({ limits, clock });
  const isMaster = { self: identity.isMaster, of: (id: string) => authors.node(id)?.master === true };
  const deployer = new Deployer({
    compiler,
    catalog,
    activation,
    clock,
    log,
    node: identity.nodeName,
    mayDeploy: () => marks().deploy,
    spread: new Acknowledger({ links, members, isMaster, nameOf, timers, log }),
    audit,
  });
  const spread = { records: catalog.records, activation, links, clock, timers, random, log };
  return { catalog, compiler, deployer, propagator: new Propagator(spread), healing: new Healing(spread) };
}
