// The composition root: builds every part of a node from its configuration, starts and stops them in order.

import { rm } from "node:fs/promises";
import { type Clock, systemClock } from "../core/clock.js";
import type { Config } from "../core/config.js";
import { descriptorLimit, shareOut } from "../core/descriptors.js";
import { hostAndPort } from "../core/host-and-port.js";
import { Lifecycle, type Part } from "../core/lifecycle.js";
import { createLogger, type Logger } from "../core/log.js";
import { LogRing } from "../core/log-ring.js";
import { Metrics } from "../core/metrics.js";
import { readOuterWall } from "../core/outer-wall.js";
import { registerResidentMemory } from "../core/resident-memory.js";
import { systemTimers } from "../core/timers.js";
import type { UnhandledKind } from "../core/unhandled-errors.js";
import { deploySamples } from "../deploy/samples.js";
import type { Identity } from "../pki/identity/identity.js";
import { type JoinContext, openConfiguredIdentity, reEnrollByKey } from "../pki/join/configured-identity.js";
import { withKeyFiles } from "../pki/state/key-files.js";
import { OwnerSecret } from "../pki/tokens/owner-secret.js";
import type { LeafKeys } from "../pki/x509/rsa-key.js";
import { chooseDoor } from "../server/door/open-door.js";
import { checkPort } from "../server/door/port-probe.js";
import { MeshEvents } from "../server/views/mesh-events.js";
import { describeReady, type Ready } from "../server/views/startup-summary.js";
import { clientStatePath } from "../storage/client-state.js";
import { logHeldWrites } from "../storage/held-writes-log.js";
import type { NodeContext } from "./node-context.js";
import { buildNode, type NodeParts } from "./node-parts.js";

/** A node that is recycled drains for so long before it refuses calls, ms: clients read `/readyz` now and then. */
const recycleGraceMs = 3_000;

/** The log lines of unhandled errors; tests look for "nothing handled" in the lines of nodes that they start. */
const faultMessages: Readonly<Record<UnhandledKind, string>> = {
  exception: "an exception that nothing handled: the node ends, to be started again",
  rejection: "a rejection that nothing handled: the node ends, to be started again",
};

/** How a node is made otherwise than by its configuration. */
export interface HerdNodeOptions {
  readonly clock?: Clock;
  /** Takes what a start does now, in words for people. */
  readonly onProgress?: (text: string) => void;
  /** Keys that were begun before, for a node that joins. */
  readonly leafKeys?: Promise<LeafKeys> | undefined;
}

/** One node: started once, stopped once. */
export class HerdNode {
  readonly #config: Config;
  readonly #clock: Clock;
  readonly #ring = new LogRing();
  readonly #metrics = new Metrics();
  readonly #faults = this.#metrics.counters({
    name: "herd_faults_total",
    help: "Exceptions and rejections that nothing handled: defects, after each of which the node ends.",
    labels: ["kind"],
  });
  #log: Logger | undefined;
  readonly #stopped = new AbortController();
  readonly #onProgress: (text: string) => void;
  readonly #leafKeys: Promise<LeafKeys> | undefined;
  #resolveRecycled: () => void = () => undefined;
  /**
   * Resolves when an operator has the node recycled, and its clients had time to see that it drains: then {@link stop}
   * it.
   */
  readonly recycled = new Promise<void>((resolve) => {
    this.#resolveRecycled = resolve;
  });
  #lifecycle: Lifecycle | undefined;
  #starting: Promise<Ready> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(config: Config, { clock = systemClock, onProgress = () => undefined, leafKeys }: HerdNodeOptions = {}) {
    this.#config = config;
    this.#clock = clock;
    this.#onProgress = onProgress;
    this.#leafKeys = leafKeys;
  }

  /**
   * Starts everything; resolves when the node serves. Throws `UsageError` or HerdError, with all that began stopped
   * again, and an AbortError when {@link stop} came first.
   */
  start(): Promise<Ready> {
    this.#starting ??= this.#startAll();
    return this.#starting;
  }

  /** Drains and stops, also a start under way; resolves when nothing is left open. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  /**
   * Logs and counts an exception or a rejection that nothing handled; the caller ends the node.
   */
  reportUnhandled(kind: UnhandledKind, cause: unknown): void {
    this.#faults.with(kind).add();
    const level = this.#config.logLevel;
    this.#log ??= createLogger({ node: this.#config.name, clock: this.#clock, ring: this.#ring, level });
    this.#log.error(faultMessages[kind], { cause });
  }

  async #startAll(): Promise<Ready> {
    const { signal } = this.#stopped;
    signal.throwIfAborted();
    const { host } = this.#config;
    const port = await checkPort(host, this.#config.port);
    const peerPort = await checkPort(host, this.#config.peerPort, "--peer-port");
    const wall = await readOuterWall();
    const door = await chooseDoor(this.#config.door);
    const descriptors = shareOut(await descriptorLimit(), { ...this.#config.limits, workers: this.#config.workers });
    signal.throwIfAborted();
    const identity = await openConfiguredIdentity({
      ...this.#joinContext(),
      onProgress: this.#onProgress,
      leafKeys: this.#leafKeys,
    });
    try {
      signal.throwIfAborted();
      return await this.#run(this.#context(identity, { port, peerPort, wall, door, descriptors }));
    } catch (error) {
      await identity.close();
      throw error;
    }
  }

  #context(
    identity: Identity,
    found: Pick<NodeContext, "port" | "peerPort" | "wall" | "door" | "descriptors">,
  ): NodeContext {
    const { config, clock, ring } = { config: this.#config, clock: this.#clock, ring: this.#ring };
    const { port, peerPort } = found;
    const log = createLogger({ node: identity.nodeName, clock, ring, level: config.logLevel });
    this.#log = log;
    registerResidentMemory(this.#metrics);
    return {
      config,
      clock,
      ring,
      identity,
      ...found,
      recycle: () => void systemTimers.after(recycleGraceMs, this.#resolveRecycled),
      stopped: this.#stopped.signal,
      ownerSecret: new OwnerSecret(),
      timers: systemTimers,
      random: Math.random,
      log,
      metrics: this.#metrics,
      events: new MeshEvents(),
      url: `https://${hostAndPort(config.advertise, port)}`,
      peer: hostAndPort(config.advertise, peerPort),
    };
  }

  async #stopAll(): Promise<void> {
    this.#stopped.abort();
    // Told at once, so that a start under way ends after its current part instead of its last.
    const stopping = this.#lifecycle?.stop();
    await this.#starting?.catch(() => undefined);
    await (stopping ?? this.#lifecycle?.stop());
  }

  async #run(context: NodeContext): Promise<Ready> {
    const { config, identity } = context;
    this.#onProgress(`Starting ${identity.nodeName}: ${config.workers} workers, links, apps …`);
    const node = await buildNode(context);
    const { registry } = node.trust;
    const { signal } = this.#stopped;
    signal.throwIfAborted();
    const masters = () => registry.masters().flatMap(({ url }) => url ?? []);
    identity.reEnrollVia(reEnrollByKey(this.#joinContext(), masters));
    let ready: Ready | undefined;
    this.#lifecycle = new Lifecycle([
      { name: "identity", start: () => logState(context), stop: () => identity.close() },
      ...node.parts,
      { name: "apps", start: () => this.#startApps(context, node) },
      { name: "workers", start: () => node.apps.sandbox.start() },
      {
        name: "https",
        start: () => withKeyFiles(identity.publicLeaf(), (files) => node.api.start(files)),
        stop: () => node.api.stop(),
      },
      ...node.renewals,
      { name: "readiness", start: () => node.api.ready(), stop: () => node.drain() },
      {
        name: "announcement",
        start: async () => {
          ready = await describeReady({ ...context, ...node.apps, acceptance: node.acceptance });
        },
        // An ephemeral mesh ends with its node: the token in the file is good for nothing any more.
        stop: () => (config.ephemeral ? rm(clientStatePath(config.state), { force: true }) : undefined),
      },
      node.apps.capacity,
      node.warmUp,
    ] satisfies Part[]);
    await this.#lifecycle.start();
    if (ready === undefined) throw new TypeError("the lifecycle started without its last part");
    return ready;
  }

  async #startApps({ config, identity, log, timers }: NodeContext, node: NodeParts): Promise<void> {
    const { functions, limits } = config;
    const { deployer, catalog } = node.apps;
    const { signal } = this.#stopped;
    await deployer.restore();
    signal.throwIfAborted();
    if (functions === undefined) return;
    const { mayDeploy, nodeId } = identity;
    const joined = node.trust.registry.node(nodeId)?.parent !== undefined;
    const caughtUp = node.isCaughtUp();
    const onDeploy = (app: string): void => this.#onProgress(`Compiling ${app} of ${functions} …`);
    const options = { deployer, catalog, limits, log, timers, signal, mayDeploy, joined, caughtUp, onDeploy };
    await deploySamples(functions, options);
  }

  #joinContext(): JoinContext {
    // A person waits at the terminal, and there is no log yet.
    const report = (text: string): void => void process.stderr.write(`${text}\n`);
    return { config: this.#config, clock: this.#clock, signal: this.#stopped.signal, report };
  }
}

/** Logs what the state folder does not take, now and later. */
function logState({ identity, log, config: { state } }: NodeContext): void {
  logHeldWrites(identity.held, { state, log });
  if (!identity.isLocked) log.warn(`${state} took no lock file: start no second process on it`);
}
