// Manifests as files: one per app with the signed texts that it holds, and an index of the names, so that a lost file
// is noticed.

import { isAppName } from "../core/app-name.js";
import { HerdError } from "../core/errors.js";
import { keepIn, type StateFiles } from "../storage/state-files.js";
import { bringsRevision, kept } from "./app-history.js";
import { sha256 } from "./blobs.js";
import type { OnDamage } from "./damage.js";
import { type ManifestRecord, readManifest } from "./manifest.js";

const version = 2;
const indexName = "index";
const prefix = "app-";
const parallelReads = 8;

/**
 * The held manifests of all apps over {@link StateFiles}. They were verified before they were stored, and are not
 * verified again.
 */
export class ManifestFiles {
  readonly #files: StateFiles;
  readonly #names = new Set<string>();

  constructor(files: StateFiles) {
    this.#files = files;
  }

  /**
   * Reads everything. A damaged or missing file is reported to `damaged` and left out, or, without that, thrown as
   * `internal` with its name.
   */
  async open(damaged?: OnDamage): Promise<ReadonlyMap<string, readonly ManifestRecord[]>> {
    const listed = await this.#files.list();
    let isIndexLost = false;
    const known = await this.#readIndex(listed.length).catch((cause: unknown) => {
      if (damaged === undefined) throw cause;
      damaged({ file: this.#files.describe(indexName), app: undefined, cause });
      isIndexLost = true;
      return [];
    });
    const appOf = new Map(known.map((app) => [fileOf(app), app]));
    const stored = new Set(listed.filter((name) => name.startsWith(prefix)));
    const lost = (name: string, cause: unknown): void => {
      if (damaged === undefined) throw cause;
      damaged({ file: this.#files.describe(name), app: appOf.get(name), cause });
    };
    for (const name of appOf.keys()) {
      if (stored.has(name)) continue;
      lost(name, new HerdError("internal", `${this.#files.describe(name)} is missing, but the index names it`));
    }
    const apps = new Map<string, readonly ManifestRecord[]>();
    // A file that the index does not name yet was written just before a crash: it is whole and signed, so it counts.
    const queue = [...stored];
    const read = async () => {
      for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
        try {
          const { app, records } = await this.#read(name);
          apps.set(app, records);
        } catch (cause) {
          lost(name, cause);
        }
      }
    };
    await Promise.all(Array.from({ length: parallelReads }, read));
    this.#names.clear();
    // Lost files stay named in the index until they come back or are removed.
    for (const app of [...known, ...apps.keys()]) this.#names.add(app);
    // A file counts without the index too, so that a full disk may keep the index as it is.
    if (isIndexLost) await this.#writeIndex([...this.#names]).catch(() => undefined);
    return apps;
  }

  /**
   * Stores the manifests of an app; durable when it resolves. Only a removal that a full disk does not take waits in
   * memory, since the disk needs the bytes that the removal frees.
   */
  async write(app: string, records: readonly ManifestRecord[]): Promise<void> {
    const manifests = records.map(({ text }) => text);
    const content = JSON.stringify({ version, app, manifests });
    if (records.some(bringsRevision)) await this.#files.write(fileOf(app), content);
    else await keepIn(this.#files, { name: fileOf(app), content });
    if (this.#names.has(app)) return;
    try {
      // After the file: an index that names a missing file reports a loss.
      await this.#writeIndex([...new Set([...this.#names, app])]);
    } catch (error) {
      await this.#files.remove(fileOf(app)).catch(() => undefined);
      throw error;
    }
    this.#names.add(app);
  }

  /** Removes an app's file. */
  async remove(app: string): Promise<void> {
    if (!this.#names.has(app)) return;
    await this.#writeIndex([...this.#names].filter((name) => name !== app));
    this.#names.delete(app);
    await this.#files.remove(fileOf(app));
  }

  async #read(name: string): Promise<{ readonly app: string; readonly records: readonly ManifestRecord[] }> {
    const bytes = await this.#files.read(name);
    if (bytes === undefined) throw new HerdError("internal", `${this.#files.describe(name)} is missing`);
    const { app, manifests } = this.#parse(name, bytes);
    if (typeof app !== "string" || fileOf(app) !== name || !Array.isArray(manifests) || manifests.length === 0) {
      throw this.#damaged(name, "it is another app's, or has no manifests");
    }
    const records = manifests.map((text: unknown) => {
      try {
        return readManifest(String(text));
      } catch (cause) {
        throw this.#damaged(name, "it has a manifest that is not well-formed", cause);
      }
    });
    if (records.some(({ manifest }) => manifest.app !== app))
      throw this.#damaged(name, "it has another app's manifest");
    return { app, records: kept(records) };
  }

  async #readIndex(files: number): Promise<readonly string[]> {
    const bytes = await this.#files.read(indexName);
    if (bytes === undefined) {
      // Even an empty catalog has an index, written before anything else: a missing index means a loss.
      if (files > 0) {
        const missing = this.#files.describe(indexName);
        throw new HerdError("internal", `${missing} is missing, but ${files} files of the catalog are there`);
      }
      await this.#writeIndex([]);
      return [];
    }
    const { apps } = this.#parse(indexName, bytes);
    if (!Array.isArray(apps) || !apps.every((app: unknown) => typeof app === "string" && isAppName(app))) {
      throw this.#damaged(indexName, "its names are not well-formed");
    }
    return apps as string[];
  }

  async #writeIndex(apps: readonly string[]): Promise<void> {
    await this.#files.write(indexName, JSON.stringify({ version, apps }));
  }

  #parse(name: string, bytes: Uint8Array): Record<string, unknown> {
    let value: unknown;
    try {
      value = JSON.parse(Buffer.from(bytes).toString("utf8"));
    } catch (cause) {
      throw this.#damaged(name, "it is not JSON", cause);
    }
    if (typeof value !== "object" || value === null || (value as { version?: unknown }).version !== version) {
      throw this.#damaged(name, `it is not a catalog of version ${version}`);
    }
    return value as Record<string, unknown>;
  }

  #damaged(name: string, why: string, cause?: unknown): HerdError {
    return new HerdError("internal", `${this.#files.describe(name)} is damaged: ${why}`, { cause });
  }
}

/** The name of an app's file does not show the app's name: file names in a state directory reveal nothing. */
function fileOf(app: string): string {
  return prefix + sha256(Buffer.from(app)).slice(0, 40);
}
