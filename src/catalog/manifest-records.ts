// Manifests as the mesh spreads them: verified before they count, announced before their bytes are here, held after.

import type { Clock } from "../core/clock.js";
import { HerdError } from "../core/errors.js";
import { aheadLimitMs, encodeSigned, type Signed, type Signer } from "../core/signed.js";
import { sha256 } from "./blobs.js";
import { blobsOf, type ManifestRecord, readManifest } from "./manifest.js";
import { compareManifests } from "./manifest-order.js";
import type { ManifestStore } from "./manifest-store.js";

/** Authority over signers: the nodes of the mesh and their marks. */
export interface Authors {
  /**
   * The signer with its marks when the signature is good and the signer belongs to the mesh now; `unknown` when the
   * signer is unknown. Throws `auth.invalid` for a bad signature and for a revoked signer.
   */
  verify(signed: Signed): { readonly deploy: boolean; readonly master: boolean } | "unknown";
  isRevoked(nodeId: string): boolean;
}

/** Dependencies of {@link ManifestRecords}. */
export interface ManifestRecordsOptions {
  readonly store: ManifestStore;
  readonly clock: Clock;
  readonly meshId: string;
  readonly signer: Signer;
  readonly authors: Authors;
  readonly publish?: (text: string) => void;
}

/** Result of {@link ManifestRecords.take}. */
export interface Taken {
  readonly id: string;
  readonly verdict: "new" | "known" | "waiting";
}

// Ids of manifests that were not passed on yet: far more than ever wait for that at a time.
const maxUnspread = 10_000;

/**
 * The record store of kind `manifest`. An accepted manifest is announced: it is passed on and compared, but no reader
 * and no call sees it before {@link hold} was given its bytes.
 */
export class ManifestRecords {
  readonly kind = "manifest";
  readonly #options: ManifestRecordsOptions;
  readonly #listeners = new Set<(record: ManifestRecord) => void>();
  readonly #unspread = new Set<string>();

  constructor(options: ManifestRecordsOptions) {
    this.#options = options;
  }

  /**
   * Takes a manifest from any source: `new` is to be passed on, `known` adds nothing, `waiting` cannot be judged yet.
   * Throws `auth.invalid` for a manifest that is malformed, of another mesh, from the future, badly signed, or signed
   * by a node without the right.
   */
  async accept(text: string): Promise<"new" | "known" | "waiting"> {
    const { id, verdict } = await this.take(text);
    if (verdict === "waiting") return verdict;
    // A manifest that came by another way, or was made here, was not passed on yet.
    return this.#unspread.delete(id) ? "new" : "known";
  }

  /**
   * As {@link accept}, for a caller that does not pass it on: the next `accept` of the same manifest still returns
   * `new`.
   */
  async take(text: string): Promise<Taken> {
    const { store, authors } = this.#options;
    const record = readManifest(text);
    const { id } = record;
    const known = store.set.get(id);
    if (known !== undefined) {
      const better = authors.isRevoked(known.signed.signer) && !authors.isRevoked(record.signed.signer);
      if (!better || this.#judge(record) === "waiting") return { id, verdict: "known" };
      await store.change(() => store.replace(record));
      this.#toSpread(id);
      return { id, verdict: "new" };
    }
    // A manifest that adds nothing needs no verification: nothing follows from it.
    if (!store.matters(record)) return { id, verdict: "known" };
    if (this.#judge(record) === "waiting" || !store.announce(record)) return { id, verdict: "waiting" };
    this.#toSpread(id);
    for (const listener of this.#listeners) listener(record);
    return { id, verdict: "new" };
  }

  /** The ids of all manifests that still matter. */
  *ids(): Generator<string> {
    for (const { id } of this.#options.store.set.offered()) yield id;
  }

  /** A manifest's text by its record id. */
  get(id: string): string | undefined {
    return this.#options.store.set.get(id)?.text;
  }

  /** Calls the function with each manifest that was announced; returns the function that unsubscribes. */
  watch(announced: (record: ManifestRecord) => void): () => void {
    this.#listeners.add(announced);
    return () => this.#listeners.delete(announced);
  }

  /** Every manifest that waits to be held. */
  announced(): ManifestRecord[] {
    return [...this.#options.store.set.announced()];
  }

  /** `held`; `announced` while the manifest waits for its bytes; `over` when it adds nothing (any more) to others. */
  stateOf(id: string): "held" | "announced" | "over" {
    const { set } = this.#options.store;
    if (set.get(id) === undefined) return "over";
    return set.isHeld(id) ? "held" : "announced";
  }

  /** Whether a manifest is the highest that is known of its app. */
  isHighest({ id, manifest }: ManifestRecord): boolean {
    return this.#options.store.set.highest(manifest.app)?.id === id;
  }

  /** Whether the manifest would decide the app's current state if it were held now. */
  leads(record: ManifestRecord): boolean {
    const highest = this.#options.store.set.of(record.manifest.app).held.at(-1);
    return highest === undefined || compareManifests(record, highest) > 0;
  }

  /** The blobs that a manifest needs and that are not here, with their sizes in bytes. */
  missing({ manifest }: ManifestRecord): { readonly digest: string; readonly bytes: number }[] {
    return blobsOf(manifest).filter(({ digest }) => !this.#options.store.hasBlob(digest));
  }

  /** Held manifests whose bytes are missing or damaged here. */
  lacking(): ManifestRecord[] {
    return [...this.#options.store.set.held()].filter((record) => this.missing(record).length > 0);
  }

  /** Stores bytes that a held manifest {@link lacking} names; other bytes are left out. */
  async restore(blobs: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const { store } = this.#options;
    await store.change(async () => {
      const wanted = [...blobs].filter(([digest, content]) => store.set.refersTo(digest) && sha256(content) === digest);
      await store.restore(wanted.map(([, content]) => content));
    });
  }

  /** Whether the bytes of a digest are here and a held manifest names them. */
  hasBlob(digest: string): boolean {
    return this.#options.store.hasBlob(digest);
  }

  /** Bytes that a held manifest names, `undefined` for all others. */
  async blob(digest: string): Promise<Buffer | undefined> {
    const { store } = this.#options;
    return store.hasBlob(digest) ? store.blob(digest) : undefined;
  }

  /**
   * Holds an announced manifest: durable, then visible to readers. `blobs` are the bytes that were {@link missing}.
   * Returns the apps that may look different now; none when the manifest is held already or over. Throws `auth.invalid`
   * for bytes that it does not name. When its signer was revoked meanwhile, the manifest is dropped too.
   */
  async hold(id: string, blobs: ReadonlyMap<string, Uint8Array>): Promise<readonly string[]> {
    const { store, authors } = this.#options;
    return store.change(async () => {
      const record = store.set.get(id);
      if (record === undefined || store.set.isHeld(id)) return [];
      const contents = blobsOf(record.manifest).flatMap(({ digest, bytes }) => {
        const content = blobs.get(digest);
        if (content === undefined) return [];
        if (content.length === bytes && sha256(content) === digest) return [content];
        throw new HerdError("auth.invalid", "the bytes are not those that the manifest names");
      });
      if (authors.isRevoked(record.signed.signer)) {
        store.drop(record);
        throw new HerdError("auth.invalid", "the manifest's signer was revoked");
      }
      return store.hold(record, contents);
    });
  }

  /**
   * After a revocation, on every node: drops manifests that the revoked node announced and that are not held. Returns
   * how many.
   */
  dropFrom(nodeId: string): number {
    const { store } = this.#options;
    const theirs = this.announced().filter(({ signed }) => signed.signer === nodeId);
    for (const record of theirs) store.drop(record);
    return theirs.length;
  }

  /**
   * On a master, after a revocation, and at the start, since a crash may have come between: signs the held manifests of
   * revoked nodes itself, so that nodes which join later get them. Returns how many.
   */
  async resign(): Promise<number> {
    const { store, signer, publish, authors } = this.#options;
    return store.change(async () => {
      const theirs = [...store.set.held()].filter(({ signed }) => authors.isRevoked(signed.signer));
      for (const { id, manifest, signed: before } of theirs) {
        const signed = signer.sign(before.payload);
        const text = encodeSigned(signed);
        await store.replace({ id, manifest, signed, text });
        this.#toSpread(id);
        publish?.(text);
      }
      return theirs.length;
    });
  }

  /** Marks a manifest that this node made: the replica has not passed it on. */
  own({ id }: ManifestRecord): void {
    this.#toSpread(id);
  }

  #toSpread(id: string): void {
    if (this.#unspread.size >= maxUnspread) this.#unspread.clear();
    this.#unspread.add(id);
  }

  #judge({ manifest, signed }: ManifestRecord): "good" | "waiting" {
    const { clock, meshId, authors } = this.#options;
    if (manifest.mesh !== meshId) throw new HerdError("auth.invalid", "the manifest is of another mesh");
    if (manifest.at > clock.now() + aheadLimitMs)
      throw new HerdError("auth.invalid", "the manifest is from the future");
    const signer = authors.verify(signed);
    if (signer === "unknown") return "waiting";
    if (signed.signer === manifest.author) {
      if (signer.deploy) return "good";
      throw new HerdError("auth.invalid", "the manifest's signer has no deploy mark");
    }
    // A master signed the manifest of a revoked node anew; the revocation itself may not have arrived here yet.
    if (!signer.master) throw new HerdError("auth.invalid", "the manifest is signed by another node than its author");
    return authors.isRevoked(manifest.author) ? "good" : "waiting";
  }
}
