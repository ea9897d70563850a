// The way of an upload: source → component → prepared → catalog → switch. And its ways back: rollback and removal.

import { sha256 } from "../catalog/blobs.js";
import { revisionOf } from "../catalog/entry.js";
import type { StoredSource } from "../catalog/model.js";
import type { Logger } from "../core/log.js";
import { AppLock } from "./app-lock.js";
import { CompileQueue } from "./compile-queue.js";
import type { Catalog, Compiler, Prepared, Preparer, Switch } from "./seams.js";

/** What a {@link Deployer} works with. */
export interface DeployerOptions {
  readonly compiler: Compiler;
  readonly preparer: Preparer;
  readonly catalog: Catalog;
  readonly switch: Switch;
  readonly log: Logger;
  /** Uploads that may be under way, of one app or of many; 16 when not given. */
  readonly maxWaiting?: number;
}

/** An upload: `public` undefined keeps what the app has, and is false for a new one. `by` tells who, for the record. */
export interface Upload {
  readonly app: string;
  readonly files: readonly StoredSource[];
  readonly by: string;
  readonly public?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a deploy did. */
export interface Deployed {
  readonly created: boolean;
  readonly prepared: Prepared;
}

/** Deploys, rolls back and removes apps; changes of one app are serialized, uploads in the order they came. */
export class Deployer {
  readonly #options: DeployerOptions;
  readonly #compiles: CompileQueue;
  readonly #lock = new AppLock();

  constructor(options: DeployerOptions) {
    this.#options = options;
    this.#compiles = new CompileQueue({ maxWaiting: options.maxWaiting ?? 16 });
  }

  /** Makes every app of the catalog answer calls. One that cannot be prepared is logged and left out. */
  async restore(): Promise<void> {
    const { catalog, log } = this.#options;
    await Promise.all(
      catalog.list().map((record) =>
        this.#prepare(record.revision).then(
          (prepared) => this.#options.switch.activate(record.app, prepared, { public: record.public }),
          (cause) => log.error(`the app ${record.app} cannot run`, { revision: record.revision, cause }),
        ),
      ),
    );
  }

  /**
   * Compiles an upload and makes it what calls run. It is prepared before the switch, so that the first call does not pay;
   * calls under way end on the old revision. Throws the compiler's errors and `node.overloaded`.
   */
  async deploy(upload: Upload): Promise<Deployed> {
    const { compiler, preparer, catalog } = this.#options;
    const { app, files, by, signal } = upload;
    const compile = () => compiler.compile(files, signal === undefined ? {} : { signal });
    // The lock comes after the compiler: before it, uploads of one app would wait without a bound.
    const install = ({ component }: Awaited<ReturnType<typeof compile>>) =>
      this.#lock.run(app, async () => {
        const prepared = await preparer.prepare(component, revisionOf(sha256(component)));
        const visibility = upload.public === undefined ? {} : { public: upload.public };
        const { created } = await catalog.put({ app, component, source: files, by, ...visibility });
        this.#options.switch.activate(app, prepared, { public: catalog.get(app)?.public ?? false });
        return { created, prepared };
      });
    return this.#compiles.run({ compile, install }, signal);
  }

  /**
   * Returns to an earlier revision, or to the one before the current; one that cannot be prepared changes nothing. Throws
   * `app.unknown` and `revision.unknown`.
   */
  async rollback(app: string, revision?: string): Promise<Prepared> {
    return this.#lock.run(app, async () => {
      const { catalog } = this.#options;
      const target = catalog.rollbackTarget(app, revision);
      const prepared = await this.#prepare(target);
      const record = await catalog.rollback(app, target);
      this.#options.switch.activate(app, prepared, { public: record.public });
      return prepared;
    });
  }

  /** Removes an app with its revisions. Throws `app.unknown`. */
  async remove(app: string): Promise<void> {
    return this.#lock.run(app, async () => {
      await this.#options.catalog.remove(app);
      this.#options.switch.remove(app);
    });
  }

  async #prepare(revision: string): Promise<Prepared> {
    const { catalog, preparer } = this.#options;
    return preparer.prepare(await catalog.component(revision), revision);
  }
}
