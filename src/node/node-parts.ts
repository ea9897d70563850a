// All parts of a node, put together, and the order in which they start.

import { logDamage } from "../catalog/damage.js";
import type { Part } from "../core/lifecycle.js";
import { WarmCompiler } from "../deploy/warm-compiler.js";
import { AllowanceEnforcement } from "../invoke/allowance-enforcement.js";
import { Availability } from "../invoke/availability.js";
import { registerSandbox } from "../invoke/sandbox-metrics.js";
import { registerMesh } from "../mesh/mesh-metrics.js";
import type { Publish } from "../mesh/ports.js";
import type { RecordReplica } from "../mesh/replication/replica.js";
import { TlsNetwork } from "../mesh/transport/tls-network.js";
import type { Governor } from "../owner/governor.js";
import { ownerGovernor } from "../owner/owner-parts.js";
import { withKeyFiles } from "../pki/state/key-files.js";
import { peerIdentityOf } from "../pki/x509/peer-identity.js";
import type { PublicLeaf } from "../pki/x509/public-leaf.js";
import type { HttpsApi } from "../server/https-api.js";
import { publishJoins, publishNodes } from "../server/views/mesh-events.js";
import { type KeptAddresses, openAddresses } from "../trust/known-addresses.js";
import { answerRenewals, CertificateRenewal } from "../trust/leaf-renewal.js";
import { MeshParticipation } from "../trust/mesh-participation.js";
import { type MeshParts, meshParts } from "../trust/mesh-parts.js";
import { answerLiveness, type OwnProcess, ownProcess } from "../trust/own-process.js";
import { checkNotRevoked } from "../trust/own-revocation.js";
import type { PeerAcceptance } from "../trust/peer-acceptance.js";
import { type TrustParts, trustParts } from "../trust/trust-parts.js";
import { httpsApi } from "./api-parts.js";
import { type AppParts, appParts } from "./app-parts.js";
import type { NodeContext } from "./node-context.js";

/** A node that is built and does not run. */
export interface NodeParts {
  readonly trust: TrustParts;
  readonly apps: AppParts;
  readonly api: HttpsApi;
  /** From the registry to the mesh, in the order of their start; all but the interface. */
  readonly parts: readonly Part[];
  readonly renewals: readonly Part[];
  /** Warms the compiler up; to be started once the node serves. */
  readonly warmUp: Part;
  /** Takes no new calls and waits for those under way, as long as one may take. */
  drain(): Promise<void>;
  /** Whether its peers accept it. */
  readonly acceptance: PeerAcceptance;
  /** Whether it has compared its records with some peer's. */
  isCaughtUp(): boolean;
}

/** What of a node is there before its apps. */
interface MeshSide {
  readonly trust: TrustParts;
  readonly process: OwnProcess;
  readonly mesh: MeshParts;
  readonly network: TlsNetwork;
  readonly addresses: KeptAddresses;
  readonly publish: Publish;
  /** From now on what is published goes to this replica: it is made of the stores, which publish themselves. */
  readonly publishTo: (replica: RecordReplica) => void;
}

/** What {@link buildNode} makes. */
interface Built extends MeshSide {
  readonly apps: AppParts;
  readonly api: HttpsApi;
  readonly replica: RecordReplica;
  readonly governor: Governor;
  readonly availability: Availability;
  readonly renewal: CertificateRenewal;
}

/** Builds a node. */
export async function buildNode(context: NodeContext): Promise<NodeParts> {
  const { config, log, metrics } = context;
  const side = await meshSide(context);
  const { trust, process, mesh, network, publish } = side;
  const { registry } = trust;
  const { acceptance } = process;
  const { links, members } = mesh;
  const governor = await ownerGovernor(context, {
    // A node that drains, sleeps or is gone takes no calls.
    alone: () => !members.all().some(({ state }) => state === "alive" || state === "suspect"),
  });
  const apps = await appParts(context, {
    links,
    members,
    trust,
    loopDelayMs: () => mesh.delay.recentMs,
    allowances: governor,
    publish: (text) => {
      publish("manifest", text).catch((cause: unknown) => log.error("a manifest could not be spread", { cause }));
    },
  });
  const availability = new Availability({ load: apps.forwarding.load, governor, members });
  const replica = mesh.replica([...trust.stores, apps.catalog.records]);
  side.publishTo(replica);
  const api: HttpsApi = httpsApi(context, { trust, links, members, apps, governor, availability, process });
  const usePublic = (leaf: PublicLeaf): Promise<void> => withKeyFiles(leaf, (files) => api.reload(files));
  const { renewalRequested: requested } = acceptance;
  const renewal = new CertificateRenewal({ ...context, registry, links, usePublic, requested });
  answerLiveness(links, process.duplicates);
  if (trust.master !== undefined) answerRenewals(links, trust.master.renewalAuthority);
  registerMesh(metrics, { network, links, members, replica });
  registerSandbox(metrics, apps);
  const built: Built = { ...side, apps, api, replica, governor, availability, renewal };
  return {
    trust,
    apps,
    api,
    acceptance,
    isCaughtUp: () => replica.compared.aborted,
    parts: [...callPartsInOrder(context, built), ...meshPartsInOrder(context, built)],
    renewals: [
      { name: "public renewal", start: () => renewal.public.start(), stop: () => renewal.public.stop() },
      { name: "peer renewal", start: () => renewal.peer.start(), stop: () => renewal.peer.stop() },
    ],
    warmUp: warmUpPart(context, apps),
    drain: async () => {
      // From now on the owner's state changes nothing at the peers.
      governor.stop();
      members.setState("draining");
      // Each call ends at its deadline; the second is for the answers to leave.
      const signal = AbortSignal.timeout(config.limits.deadlineMs + 1_000);
      await Promise.all([api.drain(signal), apps.forwarding.leave(signal)]);
    },
  };
}

async function meshSide(context: NodeContext): Promise<MeshSide> {
  const { config, identity, clock, events, log } = context;
  let replica: RecordReplica | undefined;
  const publish: Publish = async (kind, text) => {
    if (replica === undefined) throw new TypeError("a record was published before there was a replica");
    await replica.publish(kind, text);
  };
  const trust = await trustParts(
    { ...context, returnDays: config.returnDays },
    {
      publish,
      links: () => mesh.links,
      joinHooks: (sources) => publishJoins({ ...sources, events, clock }),
    },
  );
  const process = ownProcess({ ...context, state: config.state }, { trust, links: () => mesh.links.all().length });
  const network = tlsNetwork(context, process.acceptance);
  const addresses = await openAddresses(await identity.files("addresses"), log);
  const { registry } = trust;
  const mesh = meshParts(context, { network, registry, addresses, process: process.link });
  const publishTo = (made: RecordReplica): void => {
    replica = made;
  };
  return { trust, process, mesh, network, addresses, publish, publishTo };
}

/** The peer port. */
function tlsNetwork({ config, identity, peerPort, descriptors }: NodeContext, acceptance: PeerAcceptance): TlsNetwork {
  return new TlsNetwork({
    host: config.host,
    port: peerPort,
    root: identity.rootCertificate,
    leaf: identity.peerLeaf(),
    handshakes: { limit: descriptors.handshakes, limitPerAddress: descriptors.handshakesPerAddress },
    identify: (certificate) => peerIdentityOf(certificate, identity.meshId),
    onRefused: (refusal) => acceptance.refused({ ...refusal, skewMs: undefined }),
  });
}

/** The records that judge all others, then what deploys and runs, in the order of its start. */
function callPartsInOrder({ config, identity, log }: NodeContext, { trust, apps }: Built): Part[] {
  const { catalog, compiler, sandbox, forwarding, propagator, healing } = apps;
  return [
    {
      name: "registry",
      start: async () => {
        await trust.open();
        checkNotRevoked(identity, { registry: trust.registry, state: config.state });
      },
    },
    { name: "catalog", start: () => catalog.open({ damaged: logDamage(log) }), stop: () => catalog.close() },
    { name: "compiler", stop: () => compiler.stop() },
    {
      name: "sandbox",
      // Its threads boot while the links open; the part "workers" waits for them, and fails where they do.
      start: () => void sandbox.start().catch(() => undefined),
      stop: () => sandbox.stop(),
    },
    { name: "forwarding", start: () => forwarding.start(), stop: () => forwarding.stop() },
    { name: "propagation", start: () => propagator.start(), stop: () => propagator.stop() },
    { name: "healing", start: () => healing.start(), stop: () => healing.stop() },
  ];
}

function warmUpPart(
  { config, identity, timers }: NodeContext,
  { compiler, sandbox }: Pick<AppParts, "compiler" | "sandbox">,
): Part {
  const isBusy = (): boolean => {
    const { slots, running, queued } = sandbox.stats();
    // Without a slot, the owner of the machine lets nothing run. The kernels of a profile are calls.
    return slots < 1 || running + queued > 0;
  };
  const warm = new WarmCompiler({ compiler, isOn: config.warmCompiler && identity.mayDeploy, isBusy, timers });
  return { name: "warm compiler", start: () => warm.start(), stop: () => warm.stop() };
}

/** What takes part in the mesh, in the order of its start. */
function meshPartsInOrder(context: NodeContext, built: Built): Part[] {
  const { identity, clock, events } = context;
  const { trust, apps, mesh, addresses, replica, governor, availability } = built;
  const { members, delay } = mesh;
  const { registry } = trust;
  const enforcement = new AllowanceEnforcement({
    ...context,
    governor,
    sandbox: apps.sandbox,
    members,
    availability,
    changed: ({ state: owner, slots }) => {
      const { nodeName: node, nodeId: id } = identity;
      events.publish({ type: "node.owner", at: clock.now(), node, id, owner, slots });
    },
  });
  const participation = new MeshParticipation({
    ...context,
    ...mesh,
    ...built,
    registry,
    manifests: apps.catalog.records,
    watch: () => publishNodes({ members, registry, events, clock }),
    drain: () => apps.forwarding.load.setDraining(true),
  });
  return [
    { name: "audit", start: () => trust.audit.start(), stop: () => trust.audit.stop() },
    { name: "records", start: () => replica.start(), stop: () => replica.stop() },
    { name: "event loop", start: () => delay.start(), stop: () => delay.stop() },
    { name: "addresses", stop: () => addresses.written() },
    { name: "members", start: () => members.start(), stop: () => members.stop() },
    { name: "owner", start: () => enforcement.start(), stop: () => enforcement.stop() },
    { name: "links", start: () => participation.start(), stop: () => participation.stop() },
    {
      name: "revocation list",
      start: () => trust.master?.crlIssuer.start(),
      stop: () => trust.master?.crlIssuer.stop(),
    },
    { name: "revocations", start: () => trust.revoker.start(), stop: () => trust.revoker.stop() },
  ];
}
