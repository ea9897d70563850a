// The way of an upload: source → component → prepared → signed in the catalog → switch → peers. And back: rollback and removal.

import { sha256 } from "../catalog/blobs.js";
import { revisionOf } from "../catalog/entry.js";
import type { PublishedManifest, StoredSource } from "../catalog/model.js";
import { HerdError } from "../core/errors.js";
import type { Logger } from "../core/log.js";
import type { Activation } from "./activation.js";
import { CompileQueue } from "./compile-queue.js";
import type { Catalog, Compiler, DeployEvent, Prepared, Spread } from "./seams.js";

/** What a {@link Deployer} works with. */
export interface DeployerOptions {
  readonly compiler: Compiler;
  readonly catalog: Catalog;
  /** Shared with whoever else changes what calls run. */
  readonly activation: Activation;
  readonly log: Logger;
  /** This node's name. */
  readonly node: string;
  /** Uploads that may be under way, of one app or of many; 16 when not given. */
  readonly maxWaiting?: number;
  /** Whether this node carries the deploy mark now; it does when not given. */
  readonly mayDeploy?: () => boolean;
  /** Waits for others to hold a change; nobody does when not given. */
  readonly spread?: Spread;
  /** Hears of each change that was stored; must not throw. */
  readonly audit?: (event: DeployEvent) => void;
}

/** An upload: `public` undefined keeps what the app has, and is false for a new one. `by` tells who, for the record. */
export interface Upload {
  readonly app: string;
  readonly files: readonly StoredSource[];
  readonly by: string;
  readonly public?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Who asks for a rollback or a removal, and how long an answer is wanted. */
export interface ChangeOptions {
  readonly by: string;
  readonly signal?: AbortSignal | undefined;
}

/** What a change did; `nodes` are the names of the nodes that hold it, this one first. */
export interface Changed {
  readonly nodes: readonly string[];
}

/** What a deploy or a rollback did. */
export interface Deployed extends Changed {
  readonly created: boolean;
  readonly prepared: Prepared;
}

/** Deploys, rolls back and removes apps; changes of one app are serialized, uploads in the order they came. */
export class Deployer {
  readonly #options: DeployerOptions;
  readonly #compiles: CompileQueue;

  constructor(options: DeployerOptions) {
    this.#options = options;
    this.#compiles = new CompileQueue({ maxWaiting: options.maxWaiting ?? 16 });
  }

  /** Whether an upload is compiled or installed here. */
  get busy(): boolean {
    return this.#compiles.busy;
  }

  /** Makes every app of the catalog answer calls. One that cannot be prepared is logged and left out. */
  async restore(): Promise<void> {
    const { catalog, activation, log } = this.#options;
    await Promise.all(
      catalog
        .list()
        .map(({ app, revision }) =>
          activation.lock
            .run(app, () => activation.settle(app))
            .catch((cause) => log.error(`the app ${app} cannot run`, { revision, cause })),
        ),
    );
  }

  /**
   * Compiles an upload and makes it what calls run. It is prepared before the switch, so that the first call does not pay;
   * calls under way end on the old revision. Throws the compiler's errors, `auth.forbidden` without the deploy mark, and
   * `node.overloaded`: too many uploads, or no living peer could hold it (it is deployed here then, and goes on spreading).
   */
  async deploy(upload: Upload): Promise<Deployed> {
    this.#checkMark();
    const { compiler, catalog, activation } = this.#options;
    const { app, files, by, signal } = upload;
    const compile = () => compiler.compile(files, signal === undefined ? {} : { signal });
    // The lock comes after the compiler: before it, uploads of one app would wait without a bound.
    const install = ({ component }: Awaited<ReturnType<typeof compile>>) =>
      activation.lock.run(app, async () => {
        const ready = await activation.prepare(component, revisionOf(sha256(component)));
        const functions = ready.prepared.interface.functions.map(({ name }) => name);
        const visibility = upload.public === undefined ? {} : { public: upload.public };
        const { created, manifest } = await catalog.put({
          app,
          component,
          source: files,
          functions,
          by,
          ...visibility,
        });
        await activation.settle(app, ready);
        return { created, manifest, prepared: ready.prepared };
      });
    const { created, manifest, prepared } = await this.#compiles.run({ compile, install }, signal);
    this.#record({ event: "app.deployed", subject: app, by, detail: `revision ${prepared.revision}` });
    return { created, prepared, nodes: await this.#acknowledged(manifest, signal) };
  }

  /**
   * Returns to an earlier revision, or to the one before the current; one that cannot be prepared changes nothing. Throws
   * `app.unknown`, `revision.unknown`, and as {@link deploy} does for its mark and its peers.
   */
  async rollback(app: string, options: ChangeOptions & { readonly revision?: string | undefined }): Promise<Deployed> {
    this.#checkMark();
    const { catalog, activation } = this.#options;
    const { by, signal } = options;
    const { prepared, manifest } = await activation.lock.run(app, async () => {
      const revision = catalog.rollbackTarget(app, options.revision);
      const ready = await activation.prepare(await catalog.component(revision), revision);
      const manifest = await catalog.rollback(app, { revision, by });
      await activation.settle(app, ready);
      return { prepared: ready.prepared, manifest };
    });
    this.#record({ event: "app.rolled-back", subject: app, by, detail: `to revision ${prepared.revision}` });
    return { created: false, prepared, nodes: await this.#acknowledged(manifest, signal) };
  }

  /** Removes an app with its revisions. Throws `app.unknown`, and as {@link deploy} does for its mark and its peers. */
  async remove(app: string, { by, signal }: ChangeOptions): Promise<Changed> {
    this.#checkMark();
    const { catalog, activation } = this.#options;
    const manifest = await activation.lock.run(app, async () => {
      const removed = await catalog.remove(app, { by });
      await activation.settle(app);
      return removed;
    });
    this.#record({ event: "app.removed", subject: app, by, detail: "" });
    return { nodes: await this.#acknowledged(manifest, signal) };
  }

  #checkMark(): void {
    if (this.#options.mayDeploy?.() ?? true) return;
    throw new HerdError("auth.forbidden", "this node has no deploy mark: its peers would not take what it signs");
  }

  #record(event: DeployEvent): void {
    this.#options.audit?.(event);
  }

  async #acknowledged(manifest: PublishedManifest, signal: AbortSignal | undefined): Promise<readonly string[]> {
    const { node, spread } = this.#options;
    return [node, ...((await spread?.acknowledge(manifest, signal)) ?? [])];
  }
}
