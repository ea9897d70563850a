// The composition root: builds every part of a node from its configuration, starts and stops them in order.

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Compiler } from "../runtime/compile/compiler.js";
import type { AppInterface } from "../runtime/interface/model.js";
import { Sandbox } from "../runtime/sandbox/pool.js";
import { Catalog } from "./catalog/catalog.js";
import { consolePage } from "./console/page.js";
import { readClientState, writeClientState } from "./core/client-state.js";
import { type Clock, systemClock } from "./core/clock.js";
import type { Config } from "./core/config.js";
import { HerdError } from "./core/errors.js";
import { Lifecycle } from "./core/lifecycle.js";
import { createLogger, type Logger } from "./core/log.js";
import { LogRing } from "./core/log-ring.js";
import { Metrics } from "./core/metrics.js";
import { Activation } from "./deploy/activation.js";
import { Deployer } from "./deploy/deployer.js";
import { deploySamples } from "./deploy/samples.js";
import { AppRouter, activeApp } from "./invoke/app-router.js";
import { LocalInvoker } from "./invoke/invoker.js";
import { keepAdminToken } from "./pki/admin-token.js";
import { Identity } from "./pki/identity.js";
import { withKeyFiles } from "./pki/key-files.js";
import { LeafRenewal } from "./pki/leaf-renewal.js";
import { HttpsApi } from "./server/https-api.js";
import { checkPort } from "./server/https-server.js";
import { MeshEvents } from "./server/mesh-events.js";
import type { Mesh } from "./server/seams.js";

/** What a node says when it serves: the `ready` line of CONTRACT.md, and what `herd up` shows people. */
export interface Ready {
  readonly url: string;
  readonly peer: string;
  readonly node: string;
  readonly mesh: string;
  /** An admin token, when the node founded its mesh. */
  readonly foundingToken: string | undefined;
  /** The token that the state directory holds for this machine's command line. */
  readonly token: string;
  readonly ca: string;
  readonly state: string;
  /** Address of the console with a one-time sign-in code. */
  readonly signInUrl: string;
  readonly apps: readonly { readonly app: string; readonly interface: AppInterface }[];
}

/** One node: started once, stopped once. */
export class HerdNode {
  readonly #config: Config;
  readonly #clock: Clock;
  readonly #ring = new LogRing();
  readonly #stopped = new AbortController();
  #lifecycle: Lifecycle | undefined;
  #starting: Promise<Ready> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(config: Config, { clock = systemClock }: { clock?: Clock } = {}) {
    this.#config = config;
    this.#clock = clock;
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

  async #startAll(): Promise<Ready> {
    const { signal } = this.#stopped;
    signal.throwIfAborted();
    const { state, ephemeral, name, domains, advertise, host, port } = this.#config;
    await checkPort(host, port);
    signal.throwIfAborted();
    const identity = await Identity.open({ state, ephemeral, name, domains, advertise, clock: this.#clock });
    try {
      signal.throwIfAborted();
      return await this.#build(identity);
    } catch (error) {
      identity.close();
      throw error;
    }
  }

  async #stopAll(): Promise<void> {
    this.#stopped.abort();
    // Told at once, so that a start under way ends after its current part instead of its last.
    const told = this.#lifecycle?.stop();
    await this.#starting?.catch(() => undefined);
    await (told ?? this.#lifecycle?.stop());
  }

  async #build(identity: Identity): Promise<Ready> {
    const { config, clock, ring } = { config: this.#config, clock: this.#clock, ring: this.#ring };
    const { limits } = config;
    const node = identity.nodeName;
    const log = createLogger({ node, clock, ring, level: config.logLevel });
    const metrics = new Metrics();
    const catalog = new Catalog({
      files: await identity.files("catalog"),
      clock,
      limits,
      meshId: identity.meshId,
      signer: identity.signer,
      authors: { verify: () => "unknown", isRevoked: () => false },
    });
    this.#stopped.signal.throwIfAborted();
    const compiler = new Compiler({ limits });
    const sandbox: Sandbox = new Sandbox({
      workers: config.workers,
      limits,
      nodeName: node,
      clock,
      onLog: ({ revision, function: name, invocation, level, message }) => {
        const app = api.inFlight.appOf(invocation);
        const origin = { ...(app === undefined ? {} : { app }), revision, function: name, invocation };
        ring.add({ at: clock.now(), node, level, message, ...origin });
      },
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
    const deployer = new Deployer({ compiler, catalog, activation, log, node });
    const api: HttpsApi = new HttpsApi({
      host: config.host,
      port: config.port,
      advertise: config.advertise,
      node: { id: identity.nodeId, name: node },
      rootCertificatePem: identity.rootCertificate,
      limits,
      clock,
      log,
      ring,
      metrics,
      tokens: identity.tokens,
      signIn: identity.signIn,
      joins: { desk: undefined, masters: () => [identity.nodeId] },
      catalog,
      deployer,
      router,
      invoker: new LocalInvoker(sandbox),
      // One node is all there is.
      relay: { isHere: () => true, ask: () => Promise.reject(new TypeError("there is nobody to relay to")) },
      mesh: meshOfOne(identity),
      events: new MeshEvents(),
      load: () => sandbox.stats(),
      page: consolePage(),
    });
    const renewal = new LeafRenewal({
      current: () => identity.publicLeaf(),
      renew: () => identity.renewPublicLeaf(),
      use: (leaf) => withKeyFiles(leaf, (files) => api.reload(files)),
      onError: (cause) => log.error("the certificate could not be renewed", { cause }),
      clock,
    });
    registerGauges(metrics, { sandbox, apps: () => router.size });

    let ready: Ready | undefined;
    this.#lifecycle = new Lifecycle([
      { name: "identity", stop: () => identity.close() },
      { name: "catalog", start: () => catalog.open(), stop: () => catalog.close() },
      { name: "compiler", stop: () => compiler.stop() },
      { name: "sandbox", start: () => sandbox.start(), stop: () => sandbox.stop() },
      { name: "apps", start: () => this.#startApps({ deployer, catalog, log }) },
      {
        name: "https",
        start: () => withKeyFiles(identity.publicLeaf(), (files) => api.start(files)),
        stop: () => api.stop(),
      },
      { name: "renewal", start: () => renewal.start(), stop: () => renewal.stop() },
      {
        name: "readiness",
        start: () => api.ready(),
        // Each call ends at its deadline; the second is for the answers to leave.
        stop: () => api.drain(AbortSignal.timeout(limits.deadlineMs + 1_000)),
      },
      {
        name: "announcement",
        start: async () => {
          ready = await this.#describe(identity, { api, router, catalog });
        },
        // An ephemeral mesh ends with its node: the token in the file is good for nothing any more.
        stop: () => (config.ephemeral ? rm(join(config.state, "client.json"), { force: true }) : undefined),
      },
    ]);
    await this.#lifecycle.start();
    if (ready === undefined) throw new TypeError("the lifecycle started without its last part");
    return ready;
  }

  async #startApps({ deployer, catalog, log }: { deployer: Deployer; catalog: Catalog; log: Logger }): Promise<void> {
    const { functions, limits } = this.#config;
    const { signal } = this.#stopped;
    await deployer.restore();
    signal.throwIfAborted();
    const options = { deployer, catalog, limits, log, signal };
    if (functions !== undefined) await deploySamples(functions, options);
  }

  async #describe(
    identity: Identity,
    { api, router, catalog }: { api: HttpsApi; router: AppRouter; catalog: Catalog },
  ): Promise<Ready> {
    const { state, advertise, peerPort } = this.#config;
    // A damaged file is one that is written anew.
    const known = await readClientState(state).catch(() => undefined);
    const token = await keepAdminToken(identity.tokens, { previous: known?.token, clock: this.#clock });
    await writeClientState(state, { url: api.url, ca: identity.caPath, token });
    const apps = catalog.list().flatMap(({ app }) => {
      const active = router.find(app);
      return active === undefined ? [] : [{ app, interface: active.prepared.interface }];
    });
    return {
      url: api.url,
      peer: `${advertise.includes(":") ? `[${advertise}]` : advertise}:${peerPort}`,
      node: identity.nodeName,
      mesh: identity.meshId,
      foundingToken: identity.founded ? token : undefined,
      token,
      ca: identity.caPath,
      state,
      signInUrl: `${api.url}/#code=${identity.signIn.createCode()}`,
      apps,
    };
  }
}

/** What the server is told while there is one node. */
function meshOfOne({ nodeId: id, nodeName: name }: Identity): Mesh {
  const marks = { master: true, deploy: true, revoked: false };
  const self = { id, name, fingerprint: "", ...marks, parent: undefined, approvedBy: "founder", at: 0 };
  const drainable = {
    draining: false,
    setDraining: (on: boolean): void => {
      drainable.draining = on;
    },
  };
  return {
    registry: {
      nodes: () => [self],
      node: (wanted) => (wanted === id ? self : undefined),
      byName: (wanted) => (wanted === name ? self : undefined),
      subtree: () => [id],
      tree: (stateOf) => ({ ...self, parent: null, at: "", state: stateOf(id), children: [] }),
    },
    members: { all: () => [], get: () => undefined },
    links: { get: () => undefined },
    loadOf: () => undefined,
    holders: () => [],
    drainable,
    revoke: () => {
      throw new HerdError("request.malformed", "the last master cannot be revoked");
    },
    masters: () => ({ masters: [] }),
    crl: () => "",
    audit: { list: () => [], bundle: () => ({}), heads: () => [] },
  };
}

function registerGauges(metrics: Metrics, { sandbox, apps }: { sandbox: Sandbox; apps: () => number }): void {
  const gauge = (name: string, help: string, read: () => number): void => metrics.gauge({ name, help }, read);
  gauge("herd_apps", "Apps that answer calls.", apps);
  gauge("herd_sandbox_slots", "Calls that can run at the same time.", () => sandbox.stats().slots);
  gauge("herd_sandbox_running", "Calls that a worker has.", () => sandbox.stats().running);
  gauge("herd_sandbox_queued", "Calls that wait for a worker.", () => sandbox.stats().queued);
  gauge("process_resident_memory_bytes", "Resident memory of the node.", () => process.memoryUsage.rss());
}
