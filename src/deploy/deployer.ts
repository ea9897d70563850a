// The stages of an upload: source → component → prepared → signed in the catalog → switch → peers. And back: rollback
// and removal.

import type { AppInterface } from "../../runtime/interface/model.js";
import type { CallableRevision } from "../../runtime/sandbox/prepared-revision.js";
import { sha256 } from "../catalog/blobs.js";
import { revisionOf } from "../catalog/entry.js";
import type { PublishedManifest } from "../catalog/model.js";
import type { Clock } from "../core/clock.js";
import { HerdError } from "../core/errors.js";
import { FairSlots } from "../core/fair-slots.js";
import type { Logger } from "../core/log.js";
import type { SourceFile } from "../core/source-file.js";
import { TokenBuckets } from "../core/token-buckets.js";
import { placedInUpload } from "../core/upload-place.js";
import type { Activation } from "./activation.js";
import type { Catalog, Compiler, DeployEvent, Spread } from "./ports.js";

const parallelRestores = 4;

/** Dependencies of {@link Deployer}. */
export interface DeployerOptions {
  readonly compiler: Compiler;
  readonly catalog: Catalog;
  /** Shared with all other code that changes the running apps. */
  readonly activation: Activation;
  readonly clock: Pick<Clock, "monotonic">;
  readonly log: Logger;
  /** This node's name. */
  readonly node: string;
  /**
   * Back-pressure: uploads in progress at a time. Default: 32. A token may have as many as it leaves free, that is half
   * of them when it is alone.
   */
  readonly maxWaiting?: number;
  /** Whether this node carries the deploy mark now. Default: it does. */
  readonly mayDeploy?: () => boolean;
  /** Waits until peers hold a change. Default: no wait. */
  readonly spread?: Spread;
  /** Is called with each stored change; must not throw. */
  readonly audit?: (event: DeployEvent) => void;
}

/**
 * An upload. When `public` is undefined, the app keeps its setting, and a new app is private. `by` is recorded as the
 * caller.
 */
export interface Upload {
  readonly app: string;
  readonly files: readonly SourceFile[];
  readonly by: string;
  readonly public?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The caller of a rollback or removal, and the bound of the wait for an answer. */
export interface ChangeOptions {
  readonly by: string;
  readonly signal?: AbortSignal | undefined;
}

/** Result of a change; `nodes` are the names of the nodes that hold it, this node first. */
export interface Changed {
  readonly nodes: readonly string[];
}

interface Installed {
  readonly created: boolean;
  readonly manifest: PublishedManifest;
  readonly prepared: CallableRevision;
}

/** Result of a deploy or rollback. */
export interface Deployed extends Changed {
  readonly created: boolean;
  readonly prepared: CallableRevision;
}

/**
 * Rate limit of changes by one token: a burst of the first number, then the second a second. Each change is signed,
 * sent to all nodes and kept in the audit record for good, of which a node may fill 5 a second.
 */
const changes = { burst: 250, perSecond: 2 };

/**
 * Deploys, rolls back and removes apps. Changes of one app are serialized, and so are uploads of one token in the order
 * of arrival.
 */
export class Deployer {
  readonly #options: DeployerOptions;
  /** Held until the upload is installed: a compiled component that waits for its app's lock takes memory too. */
  readonly #uploads: FairSlots;
  readonly #changes: TokenBuckets;

  constructor(options: DeployerOptions) {
    const { clock, maxWaiting = 32 } = options;
    this.#options = options;
    this.#uploads = new FairSlots({
      clock,
      running: maxWaiting,
      refuse: (why) =>
        why === "full"
          ? new HerdError("compile.busy", `${maxWaiting} uploads wait for the compiler`, { retryAfterSeconds: 5 })
          : new HerdError("request.throttled", "this token's uploads wait already", { retryAfterSeconds: 5 }),
    });
    this.#changes = new TokenBuckets({ clock, ...changes });
  }

  /** Whether an upload is compiled or installed here. */
  get busy(): boolean {
    return this.#uploads.running > 0;
  }

  /** The interface of a revision that no call runs. Rejects as {@link Activation.interfaceOf} does. */
  interfaceOf(revision: string): Promise<AppInterface> {
    return this.#options.activation.interfaceOf(revision);
  }

  /** Activates every app of the catalog. An app that cannot be prepared is logged and left out. */
  async restore(): Promise<void> {
    const { catalog, activation, log } = this.#options;
    const apps = [...catalog.list()];
    // A few at a time: all components of a large catalog at once would fill the memory and the preparer's queue.
    const restoreNext = async () => {
      for (let next = apps.pop(); next !== undefined; next = apps.pop()) {
        const { app, revision } = next;
        await activation.lock
          .run(app, () => activation.settle(app))
          .catch((cause: unknown) => log.error(`the app ${app} cannot run`, { revision, cause }));
      }
    };
    await Promise.all(Array.from({ length: parallelRestores }, restoreNext));
  }

  /**
   * Compiles an upload and activates it. The revision is prepared before the switch, so that no call pays for a cold
   * start; calls in flight end on the old revision.
   * Throws the compiler's errors; `auth.forbidden` without the deploy mark; `compile.busy` and `request.throttled` (too
   * many uploads in all, or of this token); and `node.unavailable` when no living peer could hold it (the app is
   * deployed here then, and continues to spread).
   */
  async deploy(upload: Upload): Promise<Deployed> {
    this.#admit(upload.by);
    const { app, by, signal } = upload;
    const leave = this.#uploads.take(by);
    const { created, manifest, prepared } = await this.#install(upload).finally(leave);
    this.#record({ event: "app.deployed", subject: app, by, detail: `revision ${prepared.revision}` });
    return { created, prepared, nodes: await this.#acknowledged(manifest, signal) };
  }

  async #install({ app, files, by, signal, ...upload }: Upload): Promise<Installed> {
    const { compiler, catalog, activation } = this.#options;
    signal?.throwIfAborted();
    const { component } = await compiler.compile(files, { signal, key: by });
    // The lock comes after the compiler: before, uploads of one app would wait without a bound.
    return activation.lock.run(app, async () => {
      const revision = revisionOf(sha256(component));
      const ready = await activation.prepare(component, revision).catch((error) => {
        throw placedInUpload(error, files);
      });
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
  }

  /**
   * Returns to an earlier revision, or to the one before the current. A revision that cannot be prepared changes
   * nothing. Throws `app.unknown`, `revision.unknown`, and as {@link deploy} does for its mark and its peers.
   */
  async rollback(app: string, options: ChangeOptions & { readonly revision?: string | undefined }): Promise<Deployed> {
    const { by, signal } = options;
    this.#admit(by);
    const { catalog, activation } = this.#options;
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
    this.#admit(by);
    const { catalog, activation } = this.#options;
    const manifest = await activation.lock.run(app, async () => {
      const removed = await catalog.remove(app, { by });
      await activation.settle(app);
      return removed;
    });
    this.#record({ event: "app.removed", subject: app, by, detail: "" });
    return { nodes: await this.#acknowledged(manifest, signal) };
  }

  #admit(by: string): void {
    if (!(this.#options.mayDeploy?.() ?? true)) {
      throw new HerdError("auth.forbidden", "this node has no deploy mark: its peers would not take what it signs");
    }
    if (this.#changes.take(by)) return;
    throw new HerdError("request.throttled", "this token changes apps too often", { retryAfterSeconds: 1 });
  }

  #record(event: DeployEvent): void {
    this.#options.audit?.(event);
  }

  async #acknowledged(manifest: PublishedManifest, signal: AbortSignal | undefined): Promise<readonly string[]> {
    const { node, spread } = this.#options;
    return [node, ...((await spread?.acknowledge(manifest, signal)) ?? [])];
  }
}
