// Nodes of a simulated mesh that deploy: catalog, replica, propagation and acknowledgement over virtual time.

import { readInterface } from "../../runtime/interface/section.js";
import { Catalog } from "../../src/catalog/catalog.js";
import { HerdError } from "../../src/core/errors.js";
import { defaultLimits } from "../../src/core/limits.js";
import type { Logger } from "../../src/core/log.js";
import { MemoryFiles } from "../../src/core/state-files.js";
import { Acknowledger } from "../../src/deploy/acknowledge.js";
import { Activation } from "../../src/deploy/activation.js";
import { type Deployed, Deployer } from "../../src/deploy/deployer.js";
import { Propagator } from "../../src/deploy/propagate.js";
import type { Preparer } from "../../src/deploy/seams.js";
import { RecordReplica } from "../../src/mesh/replica.js";
import { FakeCompiler } from "../server/fakes.js";
import { fakeSigner, fakeVerify, MemberMesh, type MeshNode, type NodeOptions } from "./member-mesh.js";

const meshId = "0".repeat(32);
const ignore = (): void => undefined;

/** How a node deploys. Those that are no masters keep nothing over a restart. */
export interface DeployNodeOptions {
  readonly master: boolean;
  readonly files?: MemoryFiles;
  readonly preparer?: Preparer;
}

/** A node with a catalog; what calls would run stands in `active`, by app. */
export class DeployNode {
  readonly node: MeshNode;
  readonly master: boolean;
  readonly files: MemoryFiles;
  readonly catalog: Catalog;
  readonly deployer: Deployer;
  readonly active = new Map<string, string>();
  readonly warnings: string[] = [];
  readonly #replica: RecordReplica;
  readonly #propagator: Propagator;

  constructor(mesh: DeployMesh, node: MeshNode, options: DeployNodeOptions) {
    this.node = node;
    this.master = options.master;
    this.files = options.files ?? new MemoryFiles();
    const { links } = node;
    const { timers } = links;
    const warn = (message: string) => this.warnings.push(message);
    const log: Logger = { trace: ignore, debug: ignore, info: ignore, warn, error: warn };
    this.catalog = new Catalog({
      ...{ files: this.files, clock: mesh.members.time, meshId, signer: fakeSigner(node.id), limits: defaultLimits },
      authors: {
        isRevoked: (id) => mesh.members.revoked.has(id),
        verify: (signed) => {
          if (!mesh.members.admitted.has(signed.signer)) return "unknown";
          if (mesh.members.revoked.has(signed.signer)) throw new HerdError("auth.invalid", "revoked");
          if (!fakeVerify(signed)) throw new HerdError("auth.invalid", "bad signature");
          return { deploy: !mesh.unmarked.has(signed.signer), master: mesh.masters.has(signed.signer) };
        },
      },
      publish: (text) => void this.#replica.publish("manifest", text).catch(warn),
    });
    this.#replica = new RecordReplica({
      ...{ links, stores: [this.catalog.records], clock: mesh.members.time, timers, random: mesh.members.random },
      yieldLoop: () => Promise.resolve(),
    });
    const preparer = options.preparer ?? {
      prepare: async (component: Uint8Array, revision: string) => ({ revision, interface: readInterface(component) }),
    };
    const activation = new Activation({
      ...{ catalog: this.catalog, preparer },
      switch: {
        activate: (app, { revision }) => this.active.set(app, revision),
        remove: (app) => this.active.delete(app),
      },
    });
    this.#propagator = new Propagator({
      ...{ records: this.catalog.records, activation, links, timers, random: mesh.members.random, log },
    });
    const spread = new Acknowledger({
      ...{ links, members: node.members, timers, log },
      isMaster: { self: this.master, of: (id) => mesh.masters.has(id) },
      nameOf: (id) => id,
    });
    this.deployer = new Deployer({
      ...{ compiler: new FakeCompiler(), catalog: this.catalog, activation, log, node: node.id, spread },
      mayDeploy: () => !mesh.unmarked.has(node.id),
    });
  }

  get id(): string {
    return this.node.id;
  }

  async start(): Promise<this> {
    await this.catalog.open();
    await this.deployer.restore();
    this.#replica.start();
    this.#propagator.start();
    return this;
  }

  deploy(app: string, text: string): Promise<Deployed> {
    return this.deployer.deploy({ app, files: [{ path: "index.ts", text }], by: "token" });
  }

  /** The process ends at once, as by kill -9. */
  kill(): void {
    this.node.kill();
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

/** Deploying nodes over a {@link MemberMesh}. */
export class DeployMesh {
  readonly members: MemberMesh;
  readonly masters = new Set<string>();
  readonly unmarked = new Set<string>();
  readonly nodes = new Map<number, DeployNode>();

  constructor(seed: number) {
    this.members = new MemberMesh(seed);
  }

  /** Node 0 is the seed of the others and a master; `master` says which others are. */
  async grow(size: number, { masters = 1 }: { readonly masters?: number } = {}): Promise<DeployNode[]> {
    for (let number = 0; number < size; number++) await this.add(number, { master: number < masters });
    const all = [...this.nodes.values()];
    const agreed = () => this.members.agreed(all.map(({ node }) => node));
    await this.members.until(agreed, { ms: 20_000, what: `a mesh of ${size} settles` });
    return all;
  }

  /** Starts a node, again or for the first time. */
  async add(number: number, options: DeployNodeOptions & { readonly member?: NodeOptions }): Promise<DeployNode> {
    const seeds = number === 0 ? [...this.nodes.values()].map(({ id }) => `${id}:1`) : [`${this.seed()}:1`];
    const member = this.members.add(number, { seeds, ...options.member });
    if (options.master) this.masters.add(member.id);
    const node = await new DeployNode(this, member, options).start();
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
   * Until these nodes know the same, and run it. What a node announced and took with it when it died may wait for ever (`lost`).
   * Returns the virtual milliseconds that it took.
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
