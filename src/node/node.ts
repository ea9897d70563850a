// The composition root: builds every part of a node from its configuration, starts and stops them in order.

import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { AppInterface } from "../../runtime/interface/model.js";
import { type Clock, systemClock } from "../core/clock.js";
import { type Config, isWildcard } from "../core/config.js";
import { descriptorLimit, shareOut } from "../core/descriptors.js";
import { hostAndPort } from "../core/host-and-port.js";
import { Lifecycle, type Part } from "../core/lifecycle.js";
import { createLogger, type Logger } from "../core/log.js";
import { LogRing } from "../core/log-ring.js";
import { Metrics } from "../core/metrics.js";
import { type OuterWall, readOuterWall } from "../core/outer-wall.js";
import { systemTimers } from "../core/timers.js";
import type { UnhandledKind } from "../core/unhandled-errors.js";
import { UsageError } from "../core/usage-error.js";
import { deploySamples } from "../deploy/samples.js";
import { Identity } from "../pki/identity/identity.js";
import { withKeyFiles } from "../pki/state/key-files.js";
import { keepAdminToken } from "../pki/tokens/admin-token.js";
import { OwnerSecret } from "../pki/tokens/owner-secret.js";
import type { LeafKeys } from "../pki/x509/rsa-key.js";
import { checkPort } from "../server/http/https-server.js";
import { MeshEvents } from "../server/views/mesh-events.js";
import { clientStatePath, readClientState, writeClientState } from "../storage/client-state.js";
import { isStorageFull } from "../storage/storage-error.js";
import { enrollBy, meshOfToken, readPassphrase, reEnrollBy, rejoinBy, tell } from "./joining.js";
import type { NodeContext } from "./node-context.js";
import { buildNode, type NodeParts } from "./node-parts.js";
import { logStorage } from "./storage-log.js";

/** What a node says when it serves: the `ready` line of CONTRACT.md, and what `herd up` shows people. */
export interface Ready {
  readonly url: string;
  readonly peer: string;
  readonly node: string;
  readonly mesh: string;
  /** An admin token, when the node founded its mesh. */
  readonly foundingToken: string | undefined;
  /** The token that the state directory holds for this machine's command line; masters alone make one. */
  readonly token: string | undefined;
  readonly ca: string;
  readonly state: string;
  readonly master: boolean;
  /** Address of the console, on a master with a one-time sign-in code. */
  readonly signInUrl: string;
  readonly apps: readonly { readonly app: string; readonly interface: AppInterface }[];
  readonly wall: OuterWall;
  /** Why its mesh does not take it, and what to do; none when it does. */
  readonly notReady: readonly string[];
}

/** A node that is recycled drains for so long before it refuses calls: who sends some looks at `/readyz` now and then. */
const recycleGraceMs = 3_000;

/** What the log says of a fault; tests look for "nothing handled" in the lines of nodes that they start. */
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
  #sayRecycled: () => void = () => undefined;
  /** Resolves when an operator has the node recycled and those who look at it had time to see that it drains: then {@link stop} it. */
  readonly recycled = new Promise<void>((resolve) => {
    this.#sayRecycled = resolve;
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
   * Starts everything; resolves when the node serves. Throws `UsageError` or HerdError, with all that began stopped again, and
   * an AbortError when {@link stop} came first.
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
   * Logs and counts an exception or a rejection that nothing handled; ending the node is up to whoever runs the
   * process.
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
    const descriptors = shareOut(await descriptorLimit(), { ...this.#config.limits, workers: this.#config.workers });
    signal.throwIfAborted();
    const identity = await this.#openIdentity();
    try {
      signal.throwIfAborted();
      return await this.#run(this.#context(identity, { port, peerPort, wall, descriptors }));
    } catch (error) {
      await identity.close();
      throw error;
    }
  }

  async #openIdentity(): Promise<Identity> {
    const { config, clock } = { config: this.#config, clock: this.#clock };
    const { state, ephemeral, name, domains, advertise, deploy, rootPassphraseFile } = config;
    const joining = { config, clock, signal: this.#stopped.signal };
    const wanted = meshOfToken(config);
    if (!existsSync(join(state, "identity")))
      this.#onProgress(`Making the node's keys in ${state}, for some seconds …`);
    const identity = await Identity.open({
      ...{ state, ephemeral, name, domains, advertise, deploy, clock },
      rootPassphrase: await readPassphrase(rootPassphraseFile),
      enroll: enrollBy(joining),
      leafKeys: this.#leafKeys,
      reEnroll: wanted === undefined ? undefined : reEnrollBy(joining),
      onRejoinError: (error) => tell(`the mesh was not asked with the join token: ${(error as Error).message}`),
    });
    // Who starts a node again with the same command line means the mesh that it is in.
    if (wanted === undefined || wanted === identity.meshId) return identity;
    await identity.close();
    throw new UsageError(
      `${state} belongs to the mesh ${identity.meshId}, and the join token is for the mesh ${wanted}: choose another --state for that one`,
    );
  }

  #context(identity: Identity, found: Pick<NodeContext, "port" | "peerPort" | "wall" | "descriptors">): NodeContext {
    const { config, clock, ring } = { config: this.#config, clock: this.#clock, ring: this.#ring };
    const { port, peerPort } = found;
    const log = createLogger({ node: identity.nodeName, clock, ring, level: config.logLevel });
    this.#log = log;
    return {
      ...{ config, clock, ring, identity, ...found },
      recycle: () => void systemTimers.after(recycleGraceMs, this.#sayRecycled),
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
    const told = this.#lifecycle?.stop();
    await this.#starting?.catch(() => undefined);
    await (told ?? this.#lifecycle?.stop());
  }

  async #run(context: NodeContext): Promise<Ready> {
    const { config, identity } = context;
    this.#onProgress(`Starting ${identity.nodeName}: ${config.workers} workers, links, apps …`);
    const node = await buildNode(context);
    const { registry } = node.trust;
    const { signal } = this.#stopped;
    signal.throwIfAborted();
    const masters = () => registry.masters().flatMap(({ url }) => url ?? []);
    identity.rejoinVia(rejoinBy({ config, clock: this.#clock, signal }, masters));
    let ready: Ready | undefined;
    this.#lifecycle = new Lifecycle([
      { name: "identity", start: () => logStorage(context), stop: () => identity.close() },
      ...node.parts,
      { name: "apps", start: () => this.#startApps(context, node) },
      { name: "workers", start: () => node.apps.sandbox.start() },
      {
        name: "https",
        start: () => withKeyFiles(identity.publicLeaf(), (files) => node.api.start(files)),
        stop: () => node.api.stop(),
      },
      ...node.renewals,
      {
        name: "readiness",
        start: () => node.api.ready(),
        stop: () => node.drain(),
      },
      {
        name: "announcement",
        start: async () => {
          ready = await this.#describe(context, node);
        },
        // An ephemeral mesh ends with its node: the token in the file is good for nothing any more.
        stop: () => (config.ephemeral ? rm(join(config.state, "client.json"), { force: true }) : undefined),
      },
      node.apps.capacity,
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
    const { mayDeploy, nodeId } = identity;
    const joined = node.trust.registry.node(nodeId)?.parent !== undefined;
    if (functions === undefined) return;
    const onDeploy = (app: string): void => this.#onProgress(`Compiling ${app} of ${functions} …`);
    const options = { deployer, catalog, limits, log, timers, signal, mayDeploy, joined, onDeploy };
    // What the mesh removed or has newer must not come back with who joins it.
    if (joined && !node.isCaughtUp()) log.warn(`the functions in ${functions} were not deployed: no peer answered`);
    else await deploySamples(functions, options);
  }

  /** A full disk takes no new token; what is there before stays good, and the next start makes one. */
  async #adminToken(tokens: Identity["tokens"], previous: string | undefined): Promise<string | undefined> {
    try {
      return await keepAdminToken(tokens, { previous, clock: this.#clock });
    } catch (error) {
      if (isStorageFull(error)) return undefined;
      throw error;
    }
  }

  async #describe(
    { identity, peer, ownerSecret, wall }: NodeContext,
    { api, apps, readiness }: NodeParts,
  ): Promise<Ready> {
    const { state, host } = this.#config;
    const { tokens, isMaster } = identity;
    // A damaged file is one that is written anew.
    const known = await readClientState(state).catch(() => undefined);
    const made = isMaster ? await this.#adminToken(tokens, known?.token) : undefined;
    const token = made ?? known?.token;
    const where = {
      url: api.url,
      ca: identity.caPath,
      ownerSecret: ownerSecret.text,
      dial: isWildcard(host) ? "localhost" : host,
    };
    const client = { ...where, ...(token === undefined ? {} : { token }) };
    await identity.held.keep(clientStatePath(state), () => writeClientState(state, client));
    const active = apps.catalog.list().flatMap(({ app }) => {
      const entry = apps.router.find(app);
      return entry === undefined ? [] : [{ app, interface: entry.prepared.interface }];
    });
    return {
      url: api.url,
      peer,
      node: identity.nodeName,
      mesh: identity.meshId,
      foundingToken: identity.founded ? token : undefined,
      token,
      ca: identity.caPath,
      state,
      master: isMaster,
      signInUrl: isMaster ? `${api.url}/#code=${identity.signIn.createCode()}` : `${api.url}/`,
      apps: active,
      wall,
      notReady: readiness.reasons().map(({ reason }) => reason),
    };
  }
}
