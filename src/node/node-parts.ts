// All parts of a node, put together, and the order in which they start.

import { setTimeout as sleep } from "node:timers/promises";
import type { Part } from "../core/lifecycle.js";
import type { Logger } from "../core/log.js";
import type { Metrics } from "../core/metrics.js";
import { residentBytes } from "../core/resident-memory.js";
import { encodeSigned } from "../core/signed.js";
import type { Timers } from "../core/timers.js";
import type { Publish } from "../mesh/ports.js";
import { memberStates } from "../mesh/ports.js";
import type { RecordReplica } from "../mesh/replication/replica.js";
import { livenessKind } from "../mesh/transport/duplicate-detector.js";
import { TlsNetwork } from "../mesh/transport/tls-network.js";
import { payloadText } from "../pki/registry/records.js";
import { peerIdentityOf } from "../pki/x509/peer-identity.js";
import type { HttpsApi } from "../server/https-api.js";
import { publishNodes } from "../server/views/mesh-events.js";
import { openAddresses } from "../trust/known-addresses.js";
import type { MeshReadiness } from "../trust/mesh-readiness.js";
import { checkNotRevoked, watchOwnRevocation } from "../trust/own-revocation.js";
import { type AppParts, appParts } from "./app-parts.js";
import { type FrontParts, frontParts } from "./front-parts.js";
import { type MeshParts, meshParts } from "./mesh-parts.js";
import type { NodeContext } from "./node-context.js";
import { ownerGovernor, ownerPart } from "./owner-parts.js";
import { type ReadinessParts, readinessParts } from "./readiness-parts.js";
import { type TrustParts, trustParts } from "./trust-parts.js";

/** A node that is built and does not run. */
export interface NodeParts {
  readonly trust: TrustParts;
  readonly apps: AppParts;
  readonly api: HttpsApi;
  /** From the registry to the mesh, in the order of their start; all but the interface. */
  readonly parts: readonly Part[];
  readonly renewals: readonly Part[];
  /** Takes no new calls and waits for those under way, as long as one may take. */
  drain(): Promise<void>;
  /** How its peers take it. */
  readonly readiness: MeshReadiness;
  /** Whether it has compared its records with some peer's. */
  isCaughtUp(): boolean;
}

/** Once a node listens, how long it waits to hear what its mesh has before it serves. */
const firstSyncMs = 3_000;
/** A compiler takes a second of a core to start: calls, and the apps of a node that joins under load, need that more. */
const warmAfterMs = 10_000;

/** Builds a node. */
export async function buildNode(context: NodeContext): Promise<NodeParts> {
  const { config, identity, log, metrics } = context;
  const late: { publish: Publish } = {
    publish: () => Promise.reject(new TypeError("a record was published before there was a replica")),
  };
  const publish: Publish = (kind, text) => late.publish(kind, text);
  const trust = await trustParts(context, { publish, links: () => mesh.links });
  const { registry } = trust;
  const network = new TlsNetwork({
    ...{ host: config.host, port: context.peerPort, root: identity.rootCertificate, leaf: identity.peerLeaf() },
    handshakes: {
      limit: context.descriptors.handshakes,
      limitPerAddress: context.descriptors.handshakesPerAddress,
    },
    identify: (certificate) => peerIdentityOf(certificate, identity.meshId),
    onRefused: (refusal) => readiness.refused({ ...refusal, skewMs: undefined }),
  });
  const addresses = await openAddresses(await identity.files("addresses"), log);
  const known: ReadinessParts = readinessParts(context, {
    trust,
    links: () => links.all().length,
    isLockedOut: () => front.isLockedOut(),
  });
  const { readiness, twins } = known;
  const mesh: MeshParts = meshParts(context, { network, trust, addresses, readiness: known.links });
  const { links, members } = mesh;
  links.handle(livenessKind, (body, { peer }) => twins.answer(body, peer.nodeId));
  const governor = await ownerGovernor(context, { members });
  const apps = await appParts(context, {
    ...{ links, members, trust },
    loopDelayMs: () => mesh.delay.recentMs,
    allowances: governor,
    publish: (text) => {
      publish("manifest", text).catch((cause: unknown) => log.error("a manifest could not be spread", { cause }));
    },
    appOf: (invocation) => front.api.inFlight.appOf(invocation),
  });
  const replica = mesh.replica([...trust.stores, apps.catalog.records]);
  late.publish = (kind, text) => replica.publish(kind, text);
  const front = frontParts(context, { trust, links, members, apps, governor, readiness, twins });
  const owner = ownerPart(context, { governor, members, apps });
  const { api } = front;
  metrics.total(
    {
      name: "herd_handshakes_refused_total",
      help: "Connections to the peer port that were closed at once: too many shook hands.",
    },
    () => network.handshakesRefused,
  );
  registerMetrics(metrics, { apps, links, members, replica });

  return {
    ...{ trust, apps, api, readiness },
    isCaughtUp: () => replica.compared.aborted,
    parts: [
      {
        name: "registry",
        start: async () => {
          await trust.open();
          checkNotRevoked(identity, { registry, state: config.state });
        },
      },
      ...callParts(apps, { log, timers: context.timers, mayDeploy: identity.mayDeploy }),
      { name: "audit", start: () => trust.audit.start(), stop: () => trust.audit.stop() },
      { name: "records", start: () => replica.start(), stop: () => replica.stop() },
      { name: "event loop", start: () => mesh.delay.start(), stop: () => mesh.delay.stop() },
      { name: "addresses", stop: () => addresses.written() },
      { name: "members", start: () => members.start(), stop: () => members.stop() },
      owner,
      linksPart(context, { trust, apps, mesh, front, network, replica, publish }),
      { name: "revocation list", start: () => trust.crlIssuer?.start(), stop: () => trust.crlIssuer?.stop() },
      { name: "revocations", start: () => trust.revoker.start(), stop: () => trust.revoker.stop() },
    ],
    renewals: [
      { name: "public renewal", start: () => front.publicRenewal.start(), stop: () => front.publicRenewal.stop() },
      { name: "peer renewal", start: () => front.peerRenewal.start(), stop: () => front.peerRenewal.stop() },
    ],
    drain: async () => {
      // From now on it is not the owner who decides what the others hear.
      governor.stop();
      members.setState("draining");
      // Each call ends at its deadline; the second is for the answers to leave.
      const signal = AbortSignal.timeout(config.limits.deadlineMs + 1_000);
      await Promise.all([api.drain(signal), apps.forwarding.leave(signal)]);
    },
  };
}

/** What deploys and runs, in the order of its start. */
function callParts(
  apps: AppParts,
  { log, timers, mayDeploy }: { readonly log: Logger; readonly timers: Timers; readonly mayDeploy: boolean },
): Part[] {
  let cancelWarming: (() => void) | undefined;
  const warmLater = (): void => {
    cancelWarming = timers.after(warmAfterMs, () => {
      const { running, queued } = apps.sandbox.stats();
      if (running + queued > 0) warmLater();
      else apps.compiler.start();
    });
  };
  return [
    { name: "catalog", start: () => openCatalog(apps, log), stop: () => apps.catalog.close() },
    {
      name: "compiler",
      // Once there is time for it: an upload before that starts it itself.
      start: () => {
        if (mayDeploy) warmLater();
      },
      stop: () => {
        cancelWarming?.();
        return apps.compiler.stop();
      },
    },
    {
      name: "sandbox",
      // Its threads boot while the links open; the part "workers" waits for them, and fails where they do.
      start: () => void apps.sandbox.start().catch(() => undefined),
      stop: () => apps.sandbox.stop(),
    },
    { name: "forwarding", start: () => apps.forwarding.start(), stop: () => apps.forwarding.stop() },
    { name: "propagation", start: () => apps.propagator.start(), stop: () => apps.propagator.stop() },
    { name: "healing", start: () => apps.healing.start(), stop: () => apps.healing.stop() },
  ];
}

/** What {@link linksPart} is made of. */
interface LinksDependencies {
  readonly trust: TrustParts;
  readonly apps: AppParts;
  readonly mesh: MeshParts;
  readonly front: FrontParts;
  readonly network: TlsNetwork;
  readonly replica: RecordReplica;
  readonly publish: Publish;
}

/** Opens the links, and does what revocations ask for while they are open. */
function linksPart(context: NodeContext, dependencies: LinksDependencies): Part {
  const { identity, log, events, clock } = context;
  const { trust, apps, mesh, front, network, replica, publish } = dependencies;
  const { registry } = trust;
  const { links, members } = mesh;
  const resign = (): void => {
    if (!identity.isMaster || registry.isRevoked(identity.nodeId)) return;
    apps.catalog.records.resign().catch((cause: unknown) => {
      log.error("what a revoked node had deployed could not be signed anew", { cause });
    });
  };
  let ends: (() => void)[] = [];
  return {
    name: "links",
    start: async () => {
      ends = [
        identity.onPeerLeaf((leaf) => network.use(leaf)),
        publishNodes({ members, registry, events, clock }),
        watchOwnRevocation({
          ...{ nodeId: identity.nodeId, registry, log },
          leave: async () => {
            apps.forwarding.load.setDraining(true);
            await Promise.all([links.stop(), front.peerRenewal.stop()]);
          },
        }),
        registry.onRevoked((id) => {
          // A master takes its nodes' certificates with it.
          for (const renewal of [front.peerRenewal, front.publicRenewal]) renewal.hurry();
          apps.catalog.records.dropFrom(id);
          resign();
        }),
      ];
      resign();
      // Every dial would be in vain. A leaf that peers still take is renewed over the links.
      if (front.isLockedOut()) await front.peerRenewal.check();
      await links.start();
      await sayAddress(context, { trust, publish });
      if (registry.nodes().length > 1) await caughtUp(replica.compared, context.stopped);
    },
    stop: async () => {
      for (const end of ends.splice(0)) end();
      await members.leave();
      await links.stop();
    },
  };
}

/** What is damaged is named; the mesh has it, or the app has to be deployed again. */
async function openCatalog({ catalog }: AppParts, log: Logger): Promise<void> {
  await catalog.open({
    damaged: ({ file, app, cause }) => {
      const whose = app === undefined ? "" : ` of the app ${app}`;
      log.error(`${file}${whose} is damaged or missing: it is fetched from the mesh; herd doctor tells more`, {
        cause,
      });
    },
  });
}

/** A master tells everybody where it is reached, when that is not what they know. */
async function sayAddress(
  { identity, clock, url, peer }: NodeContext,
  { trust, publish }: { trust: TrustParts; publish: Publish },
): Promise<void> {
  const { nodeId: node, meshId, signer } = identity;
  const known = trust.registry.masters().find((master) => master.node === node);
  if (known === undefined || (known.url === url && known.peer === peer)) return;
  const payload = payloadText({ kind: "address", mesh: meshId, node, url, peer, at: clock.now() });
  await publish("address", encodeSigned(signer.sign(payload)));
}

/** Resolves when the node has what its mesh has, or after so long: one that is alone serves all the same. */
async function caughtUp(compared: AbortSignal, stopped: AbortSignal): Promise<void> {
  await sleep(firstSyncMs, undefined, { signal: AbortSignal.any([compared, stopped]) }).catch(() => undefined);
}

function registerMetrics(
  metrics: Metrics,
  { apps, links, members, replica }: Pick<MeshParts, "links" | "members"> & { apps: AppParts; replica: RecordReplica },
): void {
  const gauge = (name: string, help: string, read: () => number): void => metrics.gauge({ name, help }, read);
  const { sandbox, router } = apps;
  gauge("herd_apps", "Apps that answer calls.", () => router.size);
  gauge("herd_links", "Open links to peers.", () => links.all().length);
  metrics.gauge({ name: "herd_members", help: "Other nodes by state.", labels: ["state"] }, () => {
    const all = members.all();
    return memberStates.map((state) => [[state], all.filter((member) => member.state === state).length] as const);
  });
  const records = {
    name: "herd_records_total",
    help: "Records from peers by what became of them.",
    labels: ["outcome"],
  };
  metrics.total(records, () => Object.entries(replica.counts).map(([outcome, count]) => [[outcome], count] as const));
  gauge("herd_sandbox_slots", "Calls that can run at the same time.", () => sandbox.stats().slots);
  gauge("herd_sandbox_running", "Calls that a worker has.", () => sandbox.stats().running);
  gauge("herd_sandbox_queued", "Calls that wait for a worker.", () => sandbox.stats().queued);
  gauge("herd_sandbox_threads", "Worker threads that answer, the spare one included.", () => sandbox.threads);
  const ends = {
    name: "herd_sandbox_thread_ends_total",
    help: "Worker threads that ended by why.",
    labels: ["reason"],
  };
  metrics.total(ends, () => sandbox.threadEnds.map(([reason, count]) => [[reason], count] as const));
  gauge("process_resident_memory_bytes", "Resident memory of the node.", () => residentBytes() ?? Number.NaN);
}
