// The public interface of a node, put together: every endpoint of CONTRACT.md so far.

import { invokeByQuery, invoke as invokeRoute } from "../api/calls.js";
import type { Route } from "../api/route.js";
import type { Clock } from "../core/clock.js";
import { HerdError } from "../core/errors.js";
import { hostAndPort } from "../core/host-and-port.js";
import { invocationIds } from "../core/ids.js";
import type { Limits } from "../core/limits.js";
import type { Logger } from "../core/log.js";
import type { LogRing } from "../core/log-ring.js";
import type { Metrics } from "../core/metrics.js";
import type { Deployer } from "../deploy/deployer.js";
import type { Catalog } from "../deploy/ports.js";
import type { AppRouter } from "../invoke/app-router.js";
import type { Invoker } from "../invoke/invoker.js";
import type { OwnerSecret } from "../pki/tokens/owner-secret.js";
import type { NotReady } from "../trust/mesh-readiness.js";
import { CallStats } from "./call/call-stats.js";
import { InFlight } from "./call/in-flight.js";
import { InvocationMetrics } from "./call/invocation-metrics.js";
import { InvokeEndpoint } from "./call/invoke.js";
import { ConnectionCaps, type ConnectionCapsOptions } from "./connections/connection-caps.js";
import { connectionsTo } from "./connections/connection-table.js";
import { artifactEndpoints } from "./endpoints/app-artifacts.js";
import { appPutEndpoint } from "./endpoints/app-put.js";
import { appsEndpoints } from "./endpoints/apps.js";
import type { Storage } from "./endpoints/durable.js";
import { eventsEndpoint } from "./endpoints/events.js";
import { type Joins, joinsEndpoints } from "./endpoints/joins.js";
import { logsEndpoint } from "./endpoints/logs.js";
import { meshBody, meshEndpoints } from "./endpoints/mesh.js";
import { nodeDetailsEndpoint } from "./endpoints/node-details.js";
import { nodeStateEndpoints, type Readiness } from "./endpoints/node-state.js";
import { nodesEndpoints } from "./endpoints/nodes.js";
import { type Page, pageEndpoints } from "./endpoints/page.js";
import { policyEndpoints } from "./endpoints/policy.js";
import { tokensEndpoints } from "./endpoints/tokens.js";
import type { HttpAnswer } from "./http/http-answer.js";
import { HttpsServer, type KeyFiles } from "./http/https-server.js";
import { OpenStreams } from "./http/open-streams.js";
import type { HandedOn, Where } from "./http/place.js";
import { routeRequest } from "./http/route-request.js";
import { Router } from "./http/router.js";
import type { Mesh, NodeAbout, Owner, SignIn, Tokens } from "./ports.js";
import { type Relay, type RelayedAnswer, relayRequest } from "./relay/relay-message.js";
import { type RelayedFrom, RelayedRequests } from "./relay/relayed-requests.js";
import { liveStats } from "./views/live-stats.js";
import type { MeshEvents } from "./views/mesh-events.js";

/** Routes whose requests do not pass the chain. */
const hotRoutes: readonly Route[] = [invokeByQuery, invokeRoute];

/** What the interface speaks for. */
export interface HttpsApiOptions {
  readonly host: string;
  readonly port: number;
  /** The host that URLs name. */
  readonly advertise: string;
  readonly node: { readonly id: string; readonly name: string };
  readonly rootCertificatePem: string;
  readonly limits: Limits;
  /** Connections of clients that may be open at once: in all, and from one address. */
  readonly connections: Pick<ConnectionCapsOptions, "limit" | "limitPerAddress">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly ring: LogRing;
  readonly metrics: Metrics;
  readonly tokens: Tokens;
  /** What the owner of this machine shows for {@link HttpsApiOptions.owner}. */
  readonly ownerSecret: Pick<OwnerSecret, "isSame">;
  /** What the disk has not taken yet; without it, nothing waits. */
  readonly storage?: Storage;
  readonly signIn: SignIn;
  readonly joins: Joins;
  readonly catalog: Catalog;
  readonly deployer: Deployer;
  readonly router: AppRouter;
  readonly invoker: Invoker;
  /** False while no worker of this node can run a call. */
  readonly canRun: () => boolean;
  readonly relay: Relay;
  readonly mesh: Mesh;
  /** What `GET /v1/events` tells; whoever learns of something publishes it. */
  readonly events: MeshEvents;
  readonly owner: Owner;
  readonly about: () => NodeAbout;
  /** Why the node should get no calls although it serves: see {@link NotReady}. */
  readonly reasons: () => readonly NotReady[];
  readonly page: Page;
}

/**
 * The error of an app that does not run here: a node whose mesh does not take it cannot know whether there is one, and
 * one that is deployed may be damaged here.
 */
function unknownApp(
  app: string,
  { against: [against], catalog }: { readonly against: readonly NotReady[]; readonly catalog: Catalog },
): HerdError {
  if (against !== undefined) return new HerdError(against.code, against.reason, { retryAfterSeconds: 5 });
  if (catalog.get(app) === undefined && catalog.isLost?.(app) !== true) {
    return new HerdError("app.unknown", `there is no app ${app}`);
  }
  const detail = `the app ${app} cannot run here: its files are damaged, or it is being prepared`;
  return new HerdError("node.unavailable", detail, { retryAfterSeconds: 10 });
}

/** The running interface: bound, draining, gone. */
export class HttpsApi {
  readonly #options: HttpsApiOptions;
  readonly #inFlight = new InFlight();
  readonly #server: HttpsServer;
  readonly #relayed: RelayedRequests;
  #readiness: "starting" | "ready" | "draining" = "starting";

  constructor(options: HttpsApiOptions) {
    this.#options = options;
    const { limits, tokens, log, relay, ownerSecret } = options;
    const place = { id: options.node.id, url: () => this.url, node: options.node.name };
    const calls = new CallStats(options.clock);
    const apps = { ...options, place, calls };
    const meshOptions = { ...options, calls };
    const invoke = new InvokeEndpoint({
      ...options,
      node: options.node.name,
      inFlight: this.#inFlight,
      metrics: new InvocationMetrics(options.metrics),
      stats: calls,
      nextInvocation: invocationIds(),
      nodeIdOf: (name) => {
        const entry = options.mesh.registry.byName(name);
        return entry === undefined || entry.revoked ? undefined : entry.id;
      },
      draining: () => this.#readiness === "draining",
      unknownApp: (app) => unknownApp(app, { against: options.reasons(), catalog: options.catalog }),
    });
    const streams = new OpenStreams(options.clock);
    const endpoints = [
      ...appsEndpoints(apps),
      ...artifactEndpoints(apps),
      appPutEndpoint(apps),
      ...tokensEndpoints(options),
      ...joinsEndpoints(options),
      logsEndpoint(options.ring, streams),
      eventsEndpoint({
        ...options,
        streams,
        stats: () => liveStats({ ...options, calls, mesh: () => meshBody(meshOptions) }),
      }),
      ...nodesEndpoints({ ...options, self: { id: options.node.id, leaving: () => this.#readiness === "draining" } }),
      nodeDetailsEndpoint(options),
      ...meshEndpoints(meshOptions),
      ...policyEndpoints(options),
      ...nodeStateEndpoints({ ...options, readiness: () => this.#told() }),
      ...pageEndpoints(options.page),
    ];
    const hold = () => this.#inFlight.hold();
    const { clock, metrics, connections } = options;
    const recount = () => connectionsTo(this.#server.port);
    const bodyLimitBytes = limits.argumentBytes;
    const isHere = (where: Where): boolean => relay.isHere(where);
    const elsewhere = (handed: HandedOn): Promise<HttpAnswer> => relayRequest(handed, relay);
    this.#relayed = new RelayedRequests({
      endpoints,
      tokens,
      clock,
      log,
      hold,
      isHere,
    });
    const router = new Router(endpoints, hotRoutes);
    const chain = { tokens, ownerSecret, isHere, elsewhere };
    const routing = { ...chain, router, log, place, hold, bodyLimitBytes };
    this.#server = new HttpsServer({
      connections: new ConnectionCaps({ ...connections, clock, log, metrics, recount }),
      host: options.host,
      port: options.port,
      log,
      bodyLimitBytes,
      hotRoutes: hotRoutes.map((route) => ({ route, handle: invoke.handle })),
      handle: (exchange) => routeRequest(exchange, routing),
    });
  }

  /** `https://host:port`, with the bound port. */
  get url(): string {
    return `https://${hostAndPort(this.#options.advertise, this.#server.port)}`;
  }

  /** Calls under way. */
  get inFlight(): Pick<InFlight, "size" | "appOf"> {
    return this.#inFlight;
  }

  /** Answers a request that a peer relayed (ask kind `http`), problems included. Throws `request.malformed` when it is none. */
  handleRelayed(request: unknown, from: RelayedFrom): Promise<RelayedAnswer> {
    return this.#relayed.answer(request, from);
  }

  /** Binds the port; `/readyz` says no until {@link ready}. */
  start(keyFiles: KeyFiles): Promise<void> {
    return this.#server.start(keyFiles);
  }

  /** From now on the node says that it is ready. */
  ready(): void {
    if (this.#readiness === "starting") this.#readiness = "ready";
  }

  /** Serves new connections with a renewed certificate. */
  reload(keyFiles: KeyFiles): Promise<void> {
    return this.#server.reload(keyFiles);
  }

  /** Refuses new calls with `node.draining` and waits for those under way, until the signal aborts. */
  drain(signal: AbortSignal): Promise<void> {
    this.#readiness = "draining";
    return this.#inFlight.idle(signal);
  }

  #told(): Readiness {
    const { draining, asleep } = this.#options.mesh.drainable;
    if (this.#readiness !== "ready") return this.#readiness;
    if (draining || asleep) return draining ? "draining" : "asleep";
    return this.#options.canRun() ? "ready" : "unable";
  }

  /** Closes the port and every connection; whoever still waits for a call is cut off. */
  stop(): void {
    this.#readiness = "draining";
    this.#server.stop();
  }
}
