// Nodes of a simulated mesh that deploy: catalog, replica, propagation and acknowledgement over virtual time.

import { readInterface } from "../../../runtime/interface/section.js";
import { checkSourceText } from "../../../runtime/interface/source-text.js";
import { Catalog } from "../../../src/catalog/catalog.js";
import type { Clock } from "../../../src/core/clock.js";
import { HerdError } from "../../../src/core/errors.js";
import { defaultLimits } from "../../../src/core/limits.js";
import type { Logger } from "../../../src/core/log.js";
import type { Random, Timers } from "../../../src/core/timers.js";
import { Acknowledger } from "../../../src/deploy/acknowledge.js";
import { Activation } from "../../../src/deploy/activation.js";
import { type Deployed, Deployer } from "../../../src/deploy/deployer.js";
import type { Compiler, Preparer } from "../../../src/deploy/ports.js";
import { Propagator } from "../../../src/deploy/propagate.js";
import type { Links, Members } from "../../../src/mesh/ports.js";
import { RecordReplica } from "../../../src/mesh/replication/replica.js";
import { MemoryFiles } from "../../../src/storage/state-files.js";
import { FakeCompiler } from "../tls/fakes.js";
import { fakeSigner, fakeVerify, MemberMesh, type MeshNode, type NodeOptions } from "./member-mesh.js";
import { addressOf } from "./memory-network.js";

const meshId = "0".repeat(32);
const ignore = (): void => undefined;

/** What a node of any simulation is made of. */
export interface DeployHost {
  readonly id: string;
  readonly links: Links;
  readonly members: Members;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
}

/** What every node knows of the others. */
export interface Trusted {
  readonly admitted: ReadonlySet<string>;
  readonly revoked: ReadonlySet<string>;
  readonly masters: ReadonlySet<string>;
  readonly unmarked: ReadonlySet<string>;
}

/** How a node deploys. Those that are no masters keep nothing over a restart. */
export interface DeployNodeOptions {
  readonly master: boolean;
  readonly files?: MemoryFiles;
  readonly preparer?: Preparer;
  readonly compiler?: Compiler;
}

/** A node with a catalog; the revisions that calls would run are in `active`, by app. */
export class DeployNode {
  readonly host: DeployHost;
  readonly master: boolean;
  readonly files: MemoryFiles;
  readonly catalog: Catalog;
  readonly deployer: Deployer;
  readonly active = new Map<string, string>();
  readonly warnings: string[] = [];
  readonly #replica: RecordReplica;
  readonly #propagator: Propagator;

  constructor(host: DeployHost, trusted: Trusted, options: DeployNodeOptions) {
    this.host = host;
    this.master = options.master;
    this.files = options.files ?? new MemoryFiles();
    const { id, links, members, clock, timers, random } = host;
    const warn = (message: string) => this.warnings.push(message);
    const log: Logger = { trace: ignore, debug: ignore, info: ignore, warn, error: warn };
    this.catalog = new Catalog({
      files: this.files,
      clock,
      meshId,
      signer: fakeSigner(id),
      limits: defaultLimits,
      authors: {
        isRevoked: (node) => trusted.revoked.has(node),
        verify: (signed) => {
          if (!trusted.admitted.has(signed.signer)) return "unknown";
          if (trusted.revoked.has(signed.signer)) throw new HerdError("auth.invalid", "revoked");
          if (!fakeVerify(signed)) throw new HerdError("auth.invalid", "bad signature");
          return { deploy: !trusted.unmarked.has(signed.signer), master: trusted.masters.has(signed.signer) };
        },
      },
      publish: (text) => void this.#replica.publish("manifest", text).catch(warn),
    });
    this.#replica = new RecordReplica({
      links,
      stores: [this.catalog.records],
      clock,
      timers,
      random,
      yieldLoop: () => Promise.resolve(),
    });
    const preparer = options.preparer ?? {
      prepare: async (component: Uint8Array, revision: string) => ({ revision, interface: readInterface(component) }),
      inspect: async (component: Uint8Array) => readInterface(component),
      checkSource: async (source: Uint8Array) => checkSourceText(Buffer.from(source)),
    };
    const activation = new Activation({
      catalog: this.catalog,
      preparer,
      switch: {
        activate: (app, { revision }) => this.active.set(app, revision),
        remove: (app) => this.active.delete(app),
      },
    });
    this.#propagator = new Propagator({ records: this.catalog.records, activation, links, clock, timers, random, log });
    const spread = new Acknowledger({
      links,
      members,
      timers,
      log,
      nameOf: (node) => node,
      isMaster: { self: this.master, of: (node) => trusted.masters.has(node) },
    });
    const compiler = options.compiler ?? new FakeCompiler();
    this.deployer = new Deployer({
      compiler,
      catalog: this.catalog,
      activation,
      clock,
      log,
      node: id,
      spread,
      mayDeploy: () => !trusted.unmarked.has(id),
    });
  }

  get id(): string {
    return this.host.id;
  }

  async start(): Promise<void> {
    await this.catalog.open();
    await this.deployer.restore();
    this.#replica.start();
    this.#propagator.start();
  }

  deploy(app: string, text: string): Promise<Deployed> {
    return this.deployer.deploy({ app, files: [{ path: "index.ts", text }], by: "token" });
  }

  /** What this node does by itself ends. */
  stop(): void {
    this.#replica.stop();
    this.#propagator.stop();
  }

  /** What this node knows, to compare with others. */
  knows(): unknown {
    return {
      apps: this.catalog.list(),
      records: [...this.catalog.records.ids()].sort(),
      waiting: this.catalog.records.announced().length,
      active: Object.fromEntries([...this.active].sort()),
    };
  }
}

/** A {@link DeployNode} whose process may be killed, as by kill -9. */
export class MemberDeployNode extends DeployNode {
  readonly node: MeshNode;

  constructor(mesh: DeployMesh, node: MeshNode, options: DeployNodeOptions) {
    const { id, links, members } = node;
    const { time, random, admitted, revoked } = mesh.members;
    const { masters, unmarked } = mesh;
    super(
      { id, links, members, clock: time, timers: node.host.timers, random },
      { admitted, revoked, masters, unmarked },
      options,
    );
    this.node = node;
  }

  kill(): void {
    this.node.kill();
    this.stop();
  }
}

/** Deploying nodes over a {@link MemberMesh}. */
export class DeployMesh {
  readonly members: MemberMesh;
  readonly masters = new Set<string>();
  readonly unmarked = new Set<string>();
  readonly nodes = new Map<number, MemberDeployNode>();

  constructor(seed: number) {
    this.members = new MemberMesh(seed);
  }

  /** Node 0 is the seed of the others and a master; `master` names the other masters. */
  async grow(size: number, { masters = 1 }: { readonly masters?: number } = {}): Promise<MemberDeployNode[]> {
    for (let number = 0; number < size; number++) await this.add(number, { master: number < masters });
    const all = [...this.nodes.values()];
    const agreed = () => this.members.agreed(all.map(({ node }) => node));
    await this.members.until(agreed, { ms: 20_000, what: `a mesh of ${size} settles` });
    return all;
  }

  /** Starts a node, again or for the first time. */
  async add(number: number, options: DeployNodeOptions & { readonly member?: NodeOptions }): Promise<MemberDeployNode> {
    const seeds = number === 0 ? [...this.nodes.values()].map(({ id }) => addressOf(id)) : [addressOf(this.seed())];
    const member = this.members.add(number, { seeds, ...options.member });
    if (options.master) this.masters.add(member.id);
    const node = new MemberDeployNode(this, member, options);
    await node.start();
    this.nodes.set(number, node);
    return node;
  }

  /** Waits on virtual time. */
  async settled<Result>(promise: Promise<Result>): Promise<PromiseSettledResult<Result>> {
    let result: PromiseSettledResult<Result> | undefined;
    void Promise.allSettled([promise]).then(([settled]) => {
      result = settled;
    });
    await this.members.until(() => result !== undefined, { ms: 30_000, what: "an answer" });
    return result as PromiseSettledResult<Result>;
  }

  /**
   * Waits until these nodes know and run the same. A manifest that a node announced before it died may wait for ever
   * (`lost`). Returns the virtual milliseconds.
   */
  async agreement(nodes: readonly DeployNode[], { ms = 5_000, lost = false } = {}): Promise<number> {
    const agreed = () => {
      const all = nodes.map((node) => JSON.stringify(node.knows()));
      return all.every((text) => text === all[0]) && (lost || nodes[0]?.catalog.records.announced().length === 0);
    };
    return this.members.until(agreed, { ms, what: "all nodes know the same" });
  }

  seed(): string {
    return this.nodes.get(0)?.id ?? "";
  }
}
