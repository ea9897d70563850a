// The catalog: the apps and revisions that a node knows, and the changes that it makes and signs itself.

import { checkAppName } from "../core/app-name.js";
import type { Clock } from "../core/clock.js";
import { HerdError } from "../core/errors.js";
import type { Limits } from "../core/limits.js";
import type { Signer } from "../core/signed.js";
import type { SourceFile } from "../core/source-file.js";
import type { StateFiles } from "../storage/state-files.js";
import { sha256 } from "./blobs.js";
import type { OnDamage } from "./damage.js";
import { type AppEntry, type RevisionEntry, recordOf, replacedBy, revisionOf, rollbackEntry } from "./entry.js";
import {
  byLimit,
  componentLimitBytes,
  type Manifest,
  type ManifestRecord,
  manifestRecord,
  type RevisionManifest,
  sourceLimitBytes,
} from "./manifest.js";
import { nextTurn } from "./manifest-order.js";
import { type Authors, ManifestRecords } from "./manifest-records.js";
import { ManifestStore } from "./manifest-store.js";
import type { AppRecord, Deployment, DeploymentResult, PublishedManifest } from "./model.js";

/** Dependencies of {@link Catalog}. */
export interface CatalogOptions {
  /** Sealed files on disk for a master, memory for other nodes. */
  readonly files: StateFiles;
  readonly clock: Clock;
  readonly meshId: string;
  readonly signer: Signer;
  readonly authors: Authors;
  /** How functions run, as this node's manifests state it. */
  readonly limits: Pick<Limits, "deadlineMs" | "memoryBytes">;
  /** Spreads a manifest that this node signed and stored; must not throw. */
  readonly publish?: (text: string) => void;
}

/** The caller of a change: the id of a token. */
export interface ChangeBy {
  readonly by: string;
}

/**
 * The catalog over {@link StateFiles}: a fold over signed manifests. A change that this node makes is signed, made
 * durable, shown to readers, and spread, in this order.
 */
export class Catalog {
  /** The manifests as the mesh spreads them. */
  readonly records: ManifestRecords;
  readonly #options: CatalogOptions;
  readonly #store: ManifestStore;
  readonly #shown = new WeakMap<AppEntry, AppRecord>();

  constructor(options: CatalogOptions) {
    this.#options = options;
    this.#store = new ManifestStore(options.files);
    this.records = new ManifestRecords({ ...options, store: this.#store });
  }

  /**
   * Reads the manifests and checks every blob. Damaged or missing files are reported to `damaged`, and peers send them
   * again; without that, they are thrown as `internal` with the file's name.
   */
  async open({ damaged }: { readonly damaged?: OnDamage } = {}): Promise<void> {
    await this.#store.open(damaged);
  }

  /** Whether only the app's name is known: its manifests were lost. */
  isLost(app: string): boolean {
    return this.#store.isLost(app);
  }

  /** Refuses further changes and waits for those in progress. */
  async close(): Promise<void> {
    await this.#store.close();
  }

  /** All apps, by name. */
  list(): AppRecord[] {
    return [...this.#store.set.entries()].map((entry) => this.#show(entry)).sort((a, b) => (a.app < b.app ? -1 : 1));
  }

  /** An app, `undefined` when there is none. Throws `request.malformed` for a text that cannot be an app's name. */
  get(app: string): AppRecord | undefined {
    const entry = this.#store.set.entry(checkAppName(app));
    return entry === undefined ? undefined : this.#show(entry);
  }

  /**
   * Whether this app was removed and not deployed since. Removals are tombstones: of 10,000 names, the oldest are
   * dropped first.
   */
  wasRemoved(app: string): boolean {
    const { held } = this.#store.set.of(checkAppName(app));
    return held.at(-1)?.manifest.op === "remove";
  }

  /** Makes a component the app's current revision; resolves once that is durable. Throws `request.too-large`. */
  async put(deployment: Deployment): Promise<DeploymentResult> {
    const app = checkAppName(deployment.app);
    const component = Buffer.from(deployment.component);
    const source = Buffer.from(JSON.stringify(deployment.source.map(({ path, text }) => ({ path, text }))));
    if (component.length > componentLimitBytes || source.length > sourceLimitBytes) {
      throw new HerdError("request.too-large", "the component or its source is larger than what a mesh spreads");
    }
    const digest = sha256(component);
    const revision = revisionOf(digest);
    return this.#store.change(async () => {
      this.#refuseCollision(revision, digest);
      const known = this.#store.set.entry(app);
      const manifest = await this.#make(
        {
          ...this.#turn(app, deployment.by),
          op: "deploy",
          revision,
          component: digest,
          componentBytes: component.length,
          source: sha256(source),
          sourceBytes: source.length,
          functions: [...deployment.functions].sort(byCodeUnits),
          public: deployment.public ?? known?.public ?? false,
          ...this.#runs(replacedBy(known, revision)),
        },
        [component, source],
      );
      return { created: known === undefined, revision, manifest };
    });
  }

  /** Removes an app with all its revisions. Throws `app.unknown`. */
  async remove(app: string, { by }: ChangeBy): Promise<PublishedManifest> {
    checkAppName(app);
    return this.#store.change(async () => {
      this.#entry(app);
      return this.#make({ ...this.#turn(app, by), op: "remove" }, []);
    });
  }

  /** The revision that {@link rollback} would make current. Throws as {@link rollback} does. */
  rollbackTarget(app: string, revision?: string): string {
    return this.#rollbackEntry(checkAppName(app), revision).revision;
  }

  /**
   * Makes a kept revision current again; without a revision, the one before the current. Throws `app.unknown` or
   * `revision.unknown`.
   */
  async rollback(
    app: string,
    { revision, by }: ChangeBy & { readonly revision?: string | undefined },
  ): Promise<PublishedManifest> {
    checkAppName(app);
    return this.#store.change(async () => {
      const target = this.#rollbackEntry(app, revision);
      const { before, component, source } = target;
      const stored = this.#manifestOf(app, target);
      return this.#make(
        {
          ...this.#turn(app, by),
          op: "rollback",
          revision: target.revision,
          component,
          componentBytes: stored.componentBytes,
          source,
          sourceBytes: stored.sourceBytes,
          functions: stored.functions,
          public: this.#entry(app).public,
          ...this.#runs(before),
        },
        [],
      );
    });
  }

  /** The SHA-256, in hex, of the component that a revision names, whichever app has it. */
  digestOf(revision: string): string | undefined {
    return this.#store.set.componentOf(revision);
  }

  /**
   * The component of a revision, whichever app has it. Throws `revision.unknown`, and `node.unavailable` for damaged
   * bytes.
   */
  async component(revision: string): Promise<Buffer> {
    const bytes = await this.#bytesOf(this.#store.set.componentOf(revision), revision);
    if (bytes === undefined) throw unknownRevision(undefined, revision);
    return bytes;
  }

  /**
   * The source files of an app's revision as they were last uploaded. Throws `app.unknown`, `revision.unknown`, and
   * `node.unavailable` for damaged bytes.
   */
  async source(app: string, revision: string): Promise<SourceFile[]> {
    return JSON.parse((await this.sourceText(app, revision)).toString("utf8")) as SourceFile[];
  }

  /** The same as the stored JSON text: the node checked the text before it held it. */
  async sourceText(app: string, revision: string): Promise<Buffer> {
    const found = this.#entry(checkAppName(app)).revisions.find((other) => other.revision === revision);
    const text = await this.#bytesOf(found?.source, revision);
    if (text === undefined) throw unknownRevision(app, revision);
    return text;
  }

  /** A blob of a revision; undefined where there is none. Throws `node.unavailable` for damaged bytes. */
  async #bytesOf(digest: string | undefined, revision: string): Promise<Buffer | undefined> {
    const bytes = digest === undefined ? undefined : await this.#store.blob(digest);
    if (digest === undefined || !this.#store.isLostBlob(digest)) return bytes;
    const detail = `the bytes of revision ${revision} are damaged on this node, and no other one has given them yet`;
    throw new HerdError("node.unavailable", detail, { retryAfterSeconds: 10 });
  }

  #show(entry: AppEntry): AppRecord {
    const shown = this.#shown.get(entry) ?? recordOf(entry);
    this.#shown.set(entry, shown);
    return shown;
  }

  /** The fields that every manifest of this node shares: author, time, and a version above all known ones. */
  #turn(app: string, by: string) {
    const { clock, meshId, signer } = this.#options;
    const turn = nextTurn(this.#store.set.highest(app), clock.now());
    // Other nodes may have what was lost here, and must take this change as the newer one: no app is deployed once a
    // second since 1970.
    if (turn.version === 1 && !this.#store.isWhole) turn.version = Math.floor(clock.now() / 1_000);
    return { kind: "manifest", mesh: meshId, app, ...turn, author: signer.nodeId, by: by.slice(0, byLimit) } as const;
  }

  #runs(before: string | undefined): Pick<RevisionManifest, "limits" | "before"> {
    const { deadlineMs, memoryBytes } = this.#options.limits;
    return { limits: { deadlineMs, memoryBytes }, ...(before === undefined ? {} : { before }) };
  }

  /** Signs, stores, shows and spreads a change, in this order. */
  async #make(manifest: Manifest, blobs: readonly Uint8Array[]): Promise<PublishedManifest> {
    const { signer, publish } = this.#options;
    const record = manifestRecord(manifest, (payload) => signer.sign(payload));
    await this.#store.hold(record, blobs);
    this.records.own(record);
    publish?.(record.text);
    return { id: record.id, text: record.text };
  }

  /** A manifest that brings a revision, with the sizes of its bytes. */
  #manifestOf(app: string, { component, source }: RevisionEntry): RevisionManifest {
    const names = ({ manifest }: ManifestRecord) =>
      manifest.op !== "remove" && manifest.component === component && manifest.source === source;
    const found = this.#store.set.of(app).held.find(names)?.manifest;
    if (found === undefined || found.op === "remove") throw unknownRevision(app, revisionOf(component));
    return found;
  }

  /** A hostile author can make two components share 48 bits of digest; a revision's name must not mean both. */
  #refuseCollision(revision: string, digest: string): void {
    const other = this.#store.set.componentOf(revision);
    if (other !== undefined && other !== digest) {
      throw new HerdError("state.conflict", `Revision ${revision} already names another component.`);
    }
  }

  #entry(app: string): AppEntry {
    const entry = this.#store.set.entry(app);
    if (entry === undefined) throw new HerdError("app.unknown", `There is no app ${app}.`);
    return entry;
  }

  #rollbackEntry(app: string, revision: string | undefined): RevisionEntry {
    const found = rollbackEntry(this.#entry(app), revision);
    if (found === undefined) throw unknownRevision(app, revision);
    return found;
  }
}

function byCodeUnits(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function unknownRevision(app: string | undefined, revision: string | undefined): HerdError {
  const of = app === undefined ? "" : ` of ${app}`;
  if (revision === undefined) return new HerdError("revision.unknown", `There is no earlier revision${of}.`);
  return new HerdError("revision.unknown", `There is no revision ${JSON.stringify(revision.slice(0, 64))}${of}.`);
}
