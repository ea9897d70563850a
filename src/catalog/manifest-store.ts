// Store of manifests and their bytes: a change is durable before readers see it, and atomic for them.

import { HerdError } from "../core/errors.js";
import { SerialQueue } from "../core/serial-queue.js";
import type { StateFiles } from "../storage/state-files.js";
import { bringsRevision } from "./app-history.js";
import { Blobs } from "./blobs.js";
import type { OnDamage } from "./damage.js";
import { blobsOf, type ManifestRecord } from "./manifest.js";
import { ManifestFiles } from "./manifest-files.js";
import { type AppManifests, ManifestSet, withAnnounced, withHeld, withoutAnnounced } from "./manifest-set.js";

/**
 * Back-pressure: manifests that may wait for their bytes, and the size of their texts. An author may have as many as it
 * leaves free, so that a new author finds room.
 */
const maxAnnounced = 20_000;
const maxAnnouncedBytes = 64 * 1024 * 1024;

/**
 * Holds at most `maxNames` names of apps, removed ones included; for a new name the oldest removal is dropped. The
 * order of writes is the guarantee: blobs are written before the manifests that name them and removed after, so a crash
 * leaves only orphans, which the next `open` removes. Announced manifests are kept in memory only: peers send them
 * again.
 */
export class ManifestStore {
  readonly #files: ManifestFiles;
  readonly #blobs: Blobs;
  readonly #changes = new SerialQueue();
  readonly #set = new ManifestSet();
  readonly #maxNames: number;
  /** Apps whose manifests were lost, as far as their names are known. */
  readonly #lostApps = new Set<string>();
  #isWhole = true;
  #opened = false;

  constructor(files: StateFiles, { maxNames = 10_000 }: { readonly maxNames?: number } = {}) {
    this.#maxNames = maxNames;
    this.#files = new ManifestFiles(files);
    this.#blobs = new Blobs(files);
  }

  /** All known manifests: read only. */
  get set(): ManifestSet {
    return this.#set;
  }

  /**
   * Reads all manifests and checks every blob. Damaged or missing files are reported to `damaged` and left out, or,
   * without that, thrown as `internal` with the file's name.
   */
  async open(damaged?: OnDamage): Promise<void> {
    if (this.#opened) return;
    let isWhole = true;
    const apps = await this.#files.open(
      damaged &&
        ((damage) => {
          isWhole = false;
          if (damage.app !== undefined) this.#lostApps.add(damage.app);
          damaged(damage);
        }),
    );
    const manifests = [...apps.values()].flat();
    const digests = manifests.flatMap(({ manifest }) => blobsOf(manifest).map(({ digest }) => digest));
    await this.#blobs.open(new Set(digests), { damaged, keepOthers: !isWhole });
    this.#isWhole = isWhole;
    for (const [app, held] of apps) this.#set.set(app, { held, announced: [] });
    this.#opened = true;
  }

  /** Refuses further changes and waits for those in progress. */
  async close(): Promise<void> {
    this.#opened = false;
    await this.#changes.idle();
  }

  /** Runs a change after all others. Throws `node.draining` once the catalog is closed. */
  async change<Result>(task: () => Promise<Result>): Promise<Result> {
    return this.#changes.run(async () => {
      if (!this.#opened) throw new HerdError("node.draining", "The catalog is closed.", { retryAfterSeconds: 1 });
      return task();
    });
  }

  /**
   * Within a change: holds a manifest whose bytes are `blobs`, or are stored already. Returns the apps that may look
   * different now. Throws `internal` when bytes are missing, `state.conflict` when there are too many apps.
   */
  async hold(record: ManifestRecord, blobs: readonly Uint8Array[]): Promise<readonly string[]> {
    const { app } = record.manifest;
    await this.#makeRoom(app);
    const written = await this.#blobs.writeAll(blobs);
    try {
      for (const { digest } of blobsOf(record.manifest)) {
        if (!this.#blobs.has(digest)) throw new HerdError("internal", `the bytes of ${digest} are missing`);
      }
      return await this.#commit(app, withHeld(this.#set.of(app), record));
    } catch (error) {
      // A full disk must not keep blobs that no manifest names.
      const unused = written.filter((digest) => !this.#set.refersTo(digest));
      await this.#blobs.remove(unused).catch(() => undefined);
      throw error;
    }
  }

  /** Within a change: replaces the known signature of the same manifest. */
  async replace(record: ManifestRecord): Promise<void> {
    const { app } = record.manifest;
    const { held, announced } = this.#set.of(app);
    const swap = (other: ManifestRecord) => (other.id === record.id ? record : other);
    if (this.#set.isHeld(record.id)) await this.#commit(app, { held: held.map(swap), announced });
    else this.#set.set(app, { held, announced: announced.map(swap) });
  }

  /** Adds a manifest whose bytes are to come. `false` when too many wait now, in all or of this author. */
  announce(record: ManifestRecord): boolean {
    const { app, author } = record.manifest;
    const [all, own] = [this.#set.waiting(), this.#set.waiting(author)];
    if (own.manifests >= maxAnnounced - all.manifests) return false;
    if (own.textBytes + record.text.length > maxAnnouncedBytes - all.textBytes) return false;
    const before = this.#set.of(app);
    const next = withAnnounced(before, record);
    if (next !== before) this.#set.set(app, next);
    return true;
  }

  /** Whether a manifest would add nothing to the known ones. */
  matters(record: ManifestRecord): boolean {
    const manifests = this.#set.of(record.manifest.app);
    return withAnnounced(manifests, record) !== manifests;
  }

  /** Drops a manifest that cannot be held. */
  drop(record: ManifestRecord): void {
    const { app } = record.manifest;
    const next = withoutAnnounced(this.#set.of(app), record.id);
    this.#set.set(app, next.held.length + next.announced.length === 0 ? undefined : next);
  }

  /** Whether an app's manifests were lost, and have not come back. */
  isLost(app: string): boolean {
    return this.#lostApps.has(app) && this.#set.of(app).held.length === 0;
  }

  /** Whether the manifests of any app, even of an unknown name, may be missing. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Whether a revision's bytes should be here, and are missing or damaged. */
  isLostBlob(digest: string): boolean {
    return this.#blobs.isLost(digest);
  }

  /** Within a change: stores bytes again that a held manifest names. Throws `storage.full`. */
  async restore(blobs: readonly Uint8Array[]): Promise<void> {
    await this.#blobs.writeAll(blobs);
  }

  /** Whether bytes are stored that a held manifest names. */
  hasBlob(digest: string): boolean {
    return this.#set.refersTo(digest) && this.#blobs.has(digest);
  }

  /** Bytes by digest. A blob that a change dropped during the read is `undefined`; damage throws `internal`. */
  async blob(digest: string): Promise<Buffer | undefined> {
    try {
      return this.#blobs.has(digest) ? await this.#blobs.read(digest) : undefined;
    } catch (error) {
      if (!this.#blobs.has(digest)) return undefined;
      throw error;
    }
  }

  async #commit(app: string, next: AppManifests): Promise<readonly string[]> {
    await this.#files.write(app, next.held);
    // A manifest that was announced meanwhile stays announced.
    const { announced } = this.#set.of(app);
    const ids = new Set(next.held.map(({ id }) => id));
    const late = announced.filter(({ id }) => !ids.has(id));
    const whole = late.reduce(withAnnounced, { held: next.held, announced: [] } as AppManifests);
    const { unused, apps } = this.#set.set(app, whole);
    // A blob that cannot be removed now is an orphan, which the next open removes: the change itself is done.
    await this.#blobs.remove(unused).catch(() => undefined);
    return apps;
  }

  async #makeRoom(app: string): Promise<void> {
    if (this.#set.size < this.#maxNames || this.#set.of(app).held.length > 0) return;
    const names = this.#set.names().filter((name) => this.#set.of(name).held.length > 0);
    if (names.length < this.#maxNames) return;
    const removed = names.filter((name) => !this.#set.of(name).held.some(bringsRevision));
    const at = (name: string) => this.#set.highest(name)?.manifest.at ?? 0;
    const [oldest] = removed.sort((left, right) => at(left) - at(right));
    if (oldest === undefined) {
      throw new HerdError("state.conflict", `there are ${this.#maxNames} apps already: remove some first`);
    }
    await this.#files.remove(oldest);
    this.#set.set(oldest, undefined);
  }
}
