// The manifests that a node knows, in memory: those it holds with their bytes, those that were only announced, and the
// apps they make.

import { appOf, bringsRevision, kept } from "./app-history.js";
import type { AppEntry } from "./entry.js";
import { blobsOf, type ManifestRecord } from "./manifest.js";

/** The manifests of one app. Announced ones came from the mesh and wait for their bytes; readers see only held ones. */
export interface AppManifests {
  readonly held: readonly ManifestRecord[];
  readonly announced: readonly ManifestRecord[];
}

/** An app without manifests. */
export const noManifests: AppManifests = { held: [], announced: [] };

/** The manifests once `record` is held. */
export function withHeld({ held, announced }: AppManifests, record: ManifestRecord): AppManifests {
  const others = held.filter(({ id }) => id !== record.id);
  return pruned(kept([...others, record]), announced);
}

/** The manifests once `record` was announced; the same object when it adds nothing. */
export function withAnnounced(manifests: AppManifests, record: ManifestRecord): AppManifests {
  const { held, announced } = manifests;
  const next = pruned(held, [...announced.filter(({ id }) => id !== record.id), record]);
  return next.announced.includes(record) ? next : manifests;
}

/** The manifests without an announced one that cannot be held. */
export function withoutAnnounced({ held, announced }: AppManifests, id: string): AppManifests {
  return { held, announced: announced.filter((other) => other.id !== id) };
}

function pruned(held: readonly ManifestRecord[], announced: readonly ManifestRecord[]): AppManifests {
  const ids = new Set(held.map(({ id }) => id));
  return { held, announced: kept([...held, ...announced]).filter(({ id }) => !ids.has(id)) };
}

interface App extends AppManifests {
  /** The manifests that are sent to peers: those of both kinds that still matter. */
  readonly offered: readonly ManifestRecord[];
  readonly entry: AppEntry | undefined;
}

/** How many manifests wait for their bytes. */
export interface Waiting {
  readonly manifests: number;
  readonly textBytes: number;
}

/** Result of a change: digests that no manifest names any more, and the apps that may look different now. */
export interface Changed {
  readonly unused: readonly string[];
  readonly apps: readonly string[];
}

/** All manifests by app and by record id, with the apps that the held ones make. */
export class ManifestSet {
  readonly #apps = new Map<string, App>();
  readonly #byId = new Map<string, ManifestRecord>();
  /** Held manifests by the revision that they bring: two components may share a revision's name. */
  readonly #bringing = new Map<string, Map<string, ManifestRecord>>();
  readonly #references = new Map<string, number>();
  /** Manifests that wait for their bytes, and the size of their texts: by author, and of all under "". */
  readonly #announced = new Map<string, Waiting>();

  /** How many names of apps are known, including removed apps. */
  get size(): number {
    return this.#apps.size;
  }

  /** The manifests that wait for their bytes: all, or those of one author. */
  waiting(author = ""): Readonly<Waiting> {
    return this.#announced.get(author) ?? { manifests: 0, textBytes: 0 };
  }

  /** The manifests of an app. */
  of(app: string): AppManifests {
    return this.#apps.get(app) ?? noManifests;
  }

  /** The app that the held manifests make. */
  entry(app: string): AppEntry | undefined {
    return this.#apps.get(app)?.entry;
  }

  /** Every app that exists. */
  *entries(): Generator<AppEntry> {
    for (const { entry } of this.#apps.values()) if (entry !== undefined) yield entry;
  }

  /** The names of all apps, including removed ones. */
  names(): string[] {
    return [...this.#apps.keys()];
  }

  /** The highest manifest that is known of an app. */
  highest(app: string): ManifestRecord | undefined {
    return this.#apps.get(app)?.offered.at(-1);
  }

  /** A manifest by its id. */
  get(id: string): ManifestRecord | undefined {
    return this.#byId.get(id);
  }

  /** Whether a manifest is held. */
  isHeld(id: string): boolean {
    const record = this.#byId.get(id);
    return record !== undefined && this.of(record.manifest.app).held.some((other) => other.id === id);
  }

  /** Every manifest that still matters. */
  *offered(): Generator<ManifestRecord> {
    for (const { offered } of this.#apps.values()) yield* offered;
  }

  /** Every manifest that is held. */
  *held(): Generator<ManifestRecord> {
    for (const { held } of this.#apps.values()) yield* held;
  }

  /** Every manifest that waits for its bytes. */
  *announced(): Generator<ManifestRecord> {
    for (const { announced } of this.#apps.values()) yield* announced;
  }

  /**
   * The digest of a revision's component. Where two components share the name, the held manifest with the lowest id
   * decides.
   */
  componentOf(revision: string): string | undefined {
    let winner: ManifestRecord | undefined;
    for (const record of this.#bringing.get(revision)?.values() ?? []) {
      if (winner === undefined || record.id < winner.id) winner = record;
    }
    return winner !== undefined && bringsRevision(winner) ? winner.manifest.component : undefined;
  }

  /** Whether a held manifest names this digest. */
  refersTo(digest: string): boolean {
    return this.#references.has(digest);
  }

  /** Sets the manifests of an app; undefined drops its name. */
  set(app: string, next: AppManifests | undefined): Changed {
    const before = this.of(app);
    const { held, announced } = next ?? noManifests;
    for (const record of before.announced) this.#count(record, -1);
    for (const record of announced) this.#count(record, 1);
    for (const { id } of [...before.held, ...before.announced]) this.#byId.delete(id);
    for (const record of [...held, ...announced]) this.#byId.set(record.id, record);
    const added = held.filter((record) => !before.held.includes(record));
    const dropped = before.held.filter((record) => !held.includes(record));
    const renamed = this.#rename(added, dropped);
    const unused = this.#refer(added, dropped);
    if (next === undefined) this.#apps.delete(app);
    else this.#apps.set(app, { ...next, offered: kept([...held, ...announced]), entry: undefined });
    const apps = [...new Set([app, ...renamed])];
    for (const name of apps) this.#fold(name);
    return { unused, apps };
  }

  #count({ manifest, text }: ManifestRecord, sign: 1 | -1): void {
    for (const key of ["", manifest.author]) {
      const { manifests, textBytes } = this.waiting(key);
      const next = { manifests: manifests + sign, textBytes: textBytes + sign * text.length };
      if (next.manifests === 0) this.#announced.delete(key);
      else this.#announced.set(key, next);
    }
  }

  #fold(name: string): void {
    const app = this.#apps.get(name);
    if (app === undefined) return;
    const counts = ({ manifest }: { manifest: { revision: string; component: string } }) =>
      (this.#bringing.get(manifest.revision)?.size ?? 0) < 2 ||
      this.componentOf(manifest.revision) === manifest.component;
    this.#apps.set(name, { ...app, entry: appOf(app.held, counts) });
  }

  /** Updates which manifests bring which revision; returns the apps of revisions whose component is another one now. */
  #rename(added: readonly ManifestRecord[], dropped: readonly ManifestRecord[]): string[] {
    const touched = new Set([...added, ...dropped].filter(bringsRevision).map(({ manifest }) => manifest.revision));
    const before = new Map([...touched].map((revision) => [revision, this.componentOf(revision)]));
    for (const { id, manifest } of dropped.filter(bringsRevision)) this.#bringing.get(manifest.revision)?.delete(id);
    for (const record of added.filter(bringsRevision)) {
      const { revision } = record.manifest;
      const records = this.#bringing.get(revision) ?? new Map<string, ManifestRecord>();
      this.#bringing.set(revision, records.set(record.id, record));
    }
    const apps: string[] = [];
    for (const revision of touched) {
      const records = this.#bringing.get(revision);
      if (records?.size === 0) this.#bringing.delete(revision);
      else if (this.componentOf(revision) !== before.get(revision)) {
        for (const { manifest } of records?.values() ?? []) apps.push(manifest.app);
      }
    }
    return apps;
  }

  /** Counts references to blobs; returns the digests without a reference. */
  #refer(added: readonly ManifestRecord[], dropped: readonly ManifestRecord[]): string[] {
    for (const { digest } of added.flatMap(({ manifest }) => blobsOf(manifest))) {
      this.#references.set(digest, (this.#references.get(digest) ?? 0) + 1);
    }
    const unused = new Set<string>();
    for (const { digest } of dropped.flatMap(({ manifest }) => blobsOf(manifest))) {
      const count = (this.#references.get(digest) ?? 0) - 1;
      if (count > 0) this.#references.set(digest, count);
      else {
        this.#references.delete(digest);
        unused.add(digest);
      }
    }
    return [...unused];
  }
}
