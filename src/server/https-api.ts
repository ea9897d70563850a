// The public HTTPS interface of a node: builds the endpoints of all routes of src/api, and serves them.

import { invokeByQuery, invoke as invokeRoute } from "../api/calls.js";
import type { Clock } from "../core/clock.js";
import type { DoorKind } from "../core/door-kind.js";
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
import type { KeyFiles } from "../pki/state/key-files.js";
import type { OwnerSecret } from "../pki/tokens/owner-secret.js";
import type { NotReady } from "../trust/peer-acceptance.js";
import { CallStats } from "./call/call-stats.js";
import { InFlight } from "./call/in-flight.js";
import { InvocationMetrics } from "./call/invocation-metrics.js";
import { InvokeEndpoint } from "./call/invoke.js";
import { ConnectionCaps, type ConnectionCapsOptions } from "./connections/connection-caps.js";
import { connectionsTo } from "./connections/connection-table.js";
import type { FrontDoor, FrontDoorOptions } from "./door/front-door.js";
import { openDoor } from "./door/open-door.js";
import { artifactEndpoints } from "./endpoints/app-artifacts.js";
import { appPutEndpoint } from "./endpoints/app-put.js";
import { appsEndpoints } from "./endpoints/apps.js";
import { type Page, pageEndpoints } from "./endpoints/console-page.js";
import type { Storage } from "./endpoints/durable.js";
import { eventsEndpoint } from "./endpoints/events.js";
import { healthEndpoints, type Readiness } from "./endpoints/health.js";
import { type Joins, joinsEndpoints } from "./endpoints/joins.js";
import { logsEndpoint } from "./endpoints/logs.js";
import { meshBody, meshEndpoints } from "./endpoints/mesh.js";
import { nodeDetailsEndpoint } from "./endpoints/node-details.js";
import { nodesEndpoints } from "./endpoints/nodes.js";
import { policyEndpoints } from "./endpoints/policy.js";
import { tokensEndpoints } from "./endpoints/tokens.js";
import type { HttpAnswer } from "./http/http-answer.js";
import { OpenStreams } from "./http/open-streams.js";
import type { RequestElsewhere, Where } from "./http/place.js";
import { routeRequest } from "./http/route-request.js";
import { Router } from "./http/route-table.js";
import type { Mesh, NodeAbout, Owner, SignIn, Tokens } from "./ports.js";
import { type Relay, type RelayedAnswer, relayRequest } from "./relay/relay-message.js";
import { type RelayedFrom, RelayedRequests } from "./relay/relay-receiver.js";
import { liveStats } from "./views/live-stats.js";
import type { MeshEvents } from "./views/mesh-events.js";

/** Dependencies of {@link HttpsApi}. */
export interface HttpsApiOptions {
  /** The front door: see `chooseDoor`. */
  readonly door: DoorKind;
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
  /** The secret with which the owner of this machine may change {@link HttpsApiOptions.owner}. */
  readonly ownerSecret: Pick<OwnerSecret, "isSame">;
  /** Files that the disk has not taken yet; undefined where no file waits. */
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
  /** The events of `GET /v1/events`; every part of the node publishes its own. */
  readonly events: MeshEvents;
  readonly owner: Owner;
  readonly about: () => NodeAbout;
  /** Reasons against readiness while the node serves: see {@link NotReady}. */
  readonly reasons: () => readonly NotReady[];
  readonly page: Page;
}

/**
 * The error of an app that does not run here. A node that is cut off from its mesh cannot know whether the app
 * exists, and the files of a deployed app may be damaged here.
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

/** The interface and its life: starting, ready, draining, stopped. */
export class HttpsApi {
  readonly #options: HttpsApiOptions;
  readonly #inFlight = new InFlight();
  readonly #doorOptions: FrontDoorOptions;
  #door: FrontDoor | undefined;
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
      ...nodesEndpoints({
        ...options,
        self: { id: options.node.id, door: options.door, leaving: () => this.#readiness === "draining" },
      }),
      nodeDetailsEndpoint(options),
      ...meshEndpoints(meshOptions),
      ...policyEndpoints(options),
      ...healthEndpoints({ ...options, readiness: () => this.#readinessNow() }),
      ...pageEndpoints(options.page),
    ];
    const hold = () => this.#inFlight.hold();
    const { clock, metrics, connections } = options;
    const recount = () => connectionsTo(this.#port);
    const bodyLimitBytes = limits.argumentBytes;
    const isHere = (where: Where): boolean => relay.isHere(where);
    const elsewhere = (handed: RequestElsewhere): Promise<HttpAnswer> => relayRequest(handed, relay);
    this.#relayed = new RelayedRequests({
      endpoints,
      tokens,
      clock,
      log,
      hold,
      isHere,
    });
    // The hot path: its requests do not pass the chain.
    const hotRoutes = [invokeByQuery, invokeRoute].map((route) => ({ route, handle: invoke.handle }));
    const router = new Router(endpoints, hotRoutes);
    const chain = { tokens, ownerSecret, isHere, elsewhere };
    const routing = { ...chain, router, log, place, hold, bodyLimitBytes };
    this.#doorOptions = {
      connections: new ConnectionCaps({ ...connections, clock, log, metrics, recount }),
      host: options.host,
      port: options.port,
      log,
      bodyLimitBytes,
      hotRoutes,
      handle: (context) => routeRequest(context, routing),
    };
  }

  /** `https://host:port`, with the bound port. */
  get url(): string {
    return `https://${hostAndPort(this.#options.advertise, this.#port)}`;
  }

  /** Calls in flight. */
  get inFlight(): Pick<InFlight, "size"> {
    return this.#inFlight;
  }

  /**
   * Answers a request that a peer relayed (request kind `http`), with a problem document when it fails. Throws
   * `request.malformed` for a value that is no request.
   */
  handleRelayed(request: unknown, from: RelayedFrom): Promise<RelayedAnswer> {
    return this.#relayed.answer(request, from);
  }

  /** Binds the port; `/readyz` answers `node.draining` until {@link ready}. */
  async start(keyFiles: KeyFiles): Promise<void> {
    this.#door = await openDoor(this.#options.door, this.#doorOptions);
    await this.#door.start(keyFiles);
  }

  get #port(): number {
    return this.#door?.port ?? 0;
  }

  /** Makes `/readyz` report the node as ready from now on. */
  ready(): void {
    if (this.#readiness === "starting") this.#readiness = "ready";
  }

  /** Serves new connections with a renewed certificate. */
  reload(keyFiles: KeyFiles): Promise<void> {
    if (this.#door === undefined) throw new TypeError("reload before start");
    return this.#door.reload(keyFiles);
  }

  /**
   * Graceful shutdown: refuses new calls with `node.draining`, and waits for calls in flight until the signal aborts.
   */
  drain(signal: AbortSignal): Promise<void> {
    this.#readiness = "draining";
    return this.#inFlight.idle(signal);
  }

  #readinessNow(): Readiness {
    const { draining, asleep } = this.#options.mesh.drainable;
    if (this.#readiness !== "ready") return this.#readiness;
    if (draining || asleep) return draining ? "draining" : "asleep";
    return this.#options.canRun() ? "ready" : "unable";
  }

  /** Closes the port and every connection, also of clients that still wait for a call. */
  stop(): void {
    this.#readiness = "draining";
    this.#door?.stop();
  }
}
