// The apps and revisions that a node knows. A change is durable before it is acknowledged, and atomic for readers.

import { checkAppName } from "../core/app-name.js";
import type { Clock } from "../core/clock.js";
import { HerdError } from "../core/errors.js";
import { SerialQueue } from "../core/serial-queue.js";
import type { StateFiles } from "../core/state-files.js";
import { Blobs, sha256 } from "./blobs.js";
import { type CatalogIndex, decodeIndex, encodeIndex } from "./catalog-index.js";
import { type AppEntry, deployed, recordOf, revisionOf, rolledBack } from "./entry.js";
import type { AppRecord, Deployment, DeploymentResult, StoredSource } from "./model.js";

const indexName = "index";
const byLength = 200;
// Names that are remembered after their removal: a bound on what removals may add to the index.
const removedNames = 1_024;

interface Loaded {
  readonly entry: AppEntry;
  readonly record: AppRecord;
}

/**
 * The catalog over {@link StateFiles}: sealed ones on disk, or memory. One index names the blobs that count: blobs are
 * written before it and removed after it, so a crash leaves orphans at most, which the next `open` removes.
 */
export class Catalog {
  readonly #files: StateFiles;
  readonly #blobs: Blobs;
  readonly #clock: Clock;
  readonly #changes = new SerialQueue();
  #apps: ReadonlyMap<string, Loaded> = new Map();
  #removed: ReadonlySet<string> = new Set();
  #opened = false;

  constructor(options: { files: StateFiles; clock: Clock }) {
    this.#files = options.files;
    this.#blobs = new Blobs(options.files);
    this.#clock = options.clock;
  }

  /** Reads the index and checks every blob. Throws `internal` naming the file that is damaged or missing. */
  async open(): Promise<void> {
    if (this.#opened) return;
    const index = await this.#readIndex();
    const apps = new Map(index.apps.map((entry) => [entry.app, loaded(entry)]));
    await this.#blobs.open(digestsOf(apps));
    this.#apps = apps;
    this.#removed = new Set(index.removed);
    this.#opened = true;
  }

  /** Refuses further changes and waits for those under way. */
  async close(): Promise<void> {
    this.#opened = false;
    await this.#changes.idle();
  }

  /** All apps, by name. */
  list(): AppRecord[] {
    return [...this.#apps.values()].map(({ record }) => record).sort((a, b) => (a.app < b.app ? -1 : 1));
  }

  /** An app, `undefined` when there is none. Throws `request.malformed` for what cannot be an app's name. */
  get(app: string): AppRecord | undefined {
    return this.#apps.get(checkAppName(app))?.record;
  }

  /** Whether this app was removed and not deployed since; known of the last 1,024 removed ones. */
  wasRemoved(app: string): boolean {
    return this.#removed.has(checkAppName(app));
  }

  /** Makes a component the app's current revision and, once that is durable, says so. */
  async put(deployment: Deployment): Promise<DeploymentResult> {
    const app = checkAppName(deployment.app);
    const component = Buffer.from(deployment.component);
    const source = Buffer.from(JSON.stringify(deployment.source.map(({ path, text }) => ({ path, text }))));
    return this.#change(async () => {
      const digest = sha256(component);
      const revision = revisionOf(digest);
      this.#refuseCollision(revision, digest);
      await this.#blobs.write(component);
      const stored = {
        revision,
        at: new Date(this.#clock.now()).toISOString(),
        by: deployment.by.slice(0, byLength),
        component: digest,
        source: await this.#blobs.write(source),
      };
      const known = this.#apps.get(app)?.entry;
      await this.#switch(
        app,
        deployed(known, { app, public: deployment.public ?? known?.public ?? false, revision: stored }),
      );
      return { created: known === undefined, revision };
    });
  }

  /** Removes an app with all its revisions. Throws `app.unknown`. */
  async remove(app: string): Promise<void> {
    checkAppName(app);
    await this.#change(async () => {
      this.#entry(app);
      await this.#switch(app, undefined);
    });
  }

  /** The revision that {@link rollback} would make current. Throws as that does. */
  rollbackTarget(app: string, revision?: string): string {
    return this.#rolledBack(checkAppName(app), revision).revision;
  }

  /** Makes a kept revision current again; without one, the one before. Throws `app.unknown` or `revision.unknown`. */
  async rollback(app: string, revision?: string): Promise<AppRecord> {
    checkAppName(app);
    return this.#change(async () => {
      const entry = this.#rolledBack(app, revision);
      await this.#switch(app, entry);
      return recordOf(entry);
    });
  }

  /** The component of a revision, whichever app has it. Throws `revision.unknown`. */
  async component(revision: string): Promise<Buffer> {
    for (const { entry } of this.#apps.values()) {
      const found = entry.revisions.find((other) => other.revision === revision);
      if (found !== undefined) return this.#blob(found.component, () => unknownRevision(undefined, revision));
    }
    throw unknownRevision(undefined, revision);
  }

  /** The source files of an app's revision as they were last uploaded. Throws `app.unknown` or `revision.unknown`. */
  async source(app: string, revision: string): Promise<StoredSource[]> {
    const found = this.#entry(checkAppName(app)).revisions.find((other) => other.revision === revision);
    if (found === undefined) throw unknownRevision(app, revision);
    const text = await this.#blob(found.source, () => unknownRevision(app, revision));
    return JSON.parse(text.toString("utf8")) as StoredSource[];
  }

  async #change<Result>(task: () => Promise<Result>): Promise<Result> {
    const guarded = async () => {
      if (!this.#opened) throw new HerdError("node.draining", "The catalog is closed.", { retryAfterSeconds: 1 });
      return task();
    };
    return this.#changes.run(guarded);
  }

  /** The order is the guarantee: index durable, then readers, then the acknowledgement; what nothing names goes last. */
  async #switch(app: string, entry: AppEntry | undefined): Promise<void> {
    const apps = new Map(this.#apps);
    const others = [...this.#removed].filter((other) => other !== app);
    const removed = entry === undefined ? [...others, app].slice(-removedNames) : others;
    if (entry === undefined) apps.delete(app);
    else apps.set(app, loaded(entry));
    const index = { apps: [...apps.values()].map((other) => other.entry), removed };
    await this.#files.write(indexName, encodeIndex(index));
    this.#apps = apps;
    this.#removed = new Set(removed);
    // A blob that cannot be removed now is an orphan, which the next open removes: the change itself is done.
    await this.#blobs.retain(digestsOf(apps)).catch(() => undefined);
  }

  /** Two components may share 48 bits of digest by design of someone hostile; a name must not mean both. */
  #refuseCollision(revision: string, digest: string): void {
    for (const { entry } of this.#apps.values()) {
      if (entry.revisions.some((other) => other.revision === revision && other.component !== digest)) {
        throw new HerdError("request.malformed", `Revision ${revision} already names another component.`);
      }
    }
  }

  /** A blob that a change dropped while it was being read is unknown, not damage. */
  async #blob(digest: string, unknown: () => HerdError): Promise<Buffer> {
    try {
      return await this.#blobs.read(digest);
    } catch (error) {
      if (!this.#blobs.has(digest)) throw unknown();
      throw error;
    }
  }

  #entry(app: string): AppEntry {
    const entry = this.#apps.get(app)?.entry;
    if (entry === undefined) throw new HerdError("app.unknown", `There is no app ${app}.`);
    return entry;
  }

  #rolledBack(app: string, revision: string | undefined): AppEntry {
    const entry = rolledBack(this.#entry(app), revision);
    if (entry === undefined) throw unknownRevision(app, revision);
    return entry;
  }

  async #readIndex(): Promise<CatalogIndex> {
    const bytes = await this.#files.read(indexName);
    if (bytes === undefined) {
      const orphans = (await this.#files.list()).length;
      // Even an empty catalog has an index, written before the first blob: without one, something was lost.
      if (orphans > 0) {
        throw new HerdError(
          "internal",
          `${this.#files.describe(indexName)} is missing, but ${orphans} blobs are there`,
        );
      }
      const empty: CatalogIndex = { apps: [], removed: [] };
      await this.#files.write(indexName, encodeIndex(empty));
      return empty;
    }
    try {
      return decodeIndex(bytes);
    } catch (error) {
      const file = this.#files.describe(indexName);
      throw new HerdError("internal", `${file} is damaged: ${(error as Error).message}`, { cause: error });
    }
  }
}

function loaded(entry: AppEntry): Loaded {
  return { entry, record: recordOf(entry) };
}

function digestsOf(apps: ReadonlyMap<string, Loaded>): Set<string> {
  const digests = new Set<string>();
  for (const { entry } of apps.values()) {
    for (const { component, source } of entry.revisions) digests.add(component).add(source);
  }
  return digests;
}

function unknownRevision(app: string | undefined, revision: string | undefined): HerdError {
  const of = app === undefined ? "" : ` of ${app}`;
  if (revision === undefined) return new HerdError("revision.unknown", `There is no earlier revision${of}.`);
  return new HerdError("revision.unknown", `There is no revision ${JSON.stringify(revision.slice(0, 64))}${of}.`);
}
