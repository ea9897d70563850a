// Makes the catalog's state of an app the one that calls run. Changes of one app happen one after the other.

import { LRUCache } from "lru-cache";
import type { AppInterface } from "../../runtime/interface/model.js";
import type { CallableRevision } from "../../runtime/sandbox/prepared-revision.js";
import { sha256 } from "../catalog/blobs.js";
import { AppLock } from "./app-lock.js";
import type { Catalog, Preparer, Switch } from "./ports.js";
import { RefusedComponents } from "./refused-components.js";

/** People ask for interfaces of revisions that no call runs; this many are cached. */
const keptInterfaces = 8;

/** A prepared revision with the SHA-256, in hex, of the component that it was made of. */
export interface PreparedComponent {
  readonly prepared: CallableRevision;
  readonly component: string;
}

/** Dependencies of {@link Activation}. */
export interface ActivationOptions {
  readonly catalog: Pick<Catalog, "get" | "digestOf" | "component">;
  readonly preparer: Preparer;
  readonly switch: Switch;
}

interface Active {
  readonly revision: string;
  readonly component: string;
  readonly public: boolean;
}

/** Keeps the running apps equal to the catalog's. Calls in flight end on the old revision. */
export class Activation {
  /** The lock of each app: held while an app is changed in the catalog and then here. */
  readonly lock = new AppLock();
  readonly #options: ActivationOptions;
  readonly #active = new Map<string, Active>();
  /** Apps of which the last {@link settle} failed. */
  readonly #failed = new Set<string>();
  readonly #refused = new RefusedComponents();
  readonly #interfaces = new LRUCache<string, AppInterface>({ max: keptInterfaces });

  constructor(options: ActivationOptions) {
    this.#options = options;
  }

  /** A component, ready to run. Rejects as the sandbox does; at once when these bytes were refused before. */
  async prepare(component: Uint8Array, revision: string): Promise<PreparedComponent> {
    const digest = sha256(component);
    this.#refused.check(digest);
    try {
      return { prepared: await this.#options.preparer.prepare(component, revision), component: digest };
    } catch (error) {
      this.#refused.note(digest, error);
      throw error;
    }
  }

  /** Throws when the component of that SHA-256 (hex) was refused before. */
  checkRefused(digest: string): void {
    this.#refused.check(digest);
  }

  /** Apps whose current revision could not be activated, though their component was not refused. */
  behind(): string[] {
    const { catalog } = this.#options;
    return [...this.#failed].filter((app) => {
      const record = catalog.get(app);
      const digest = record && catalog.digestOf(record.revision);
      return digest !== undefined && !this.#refused.has(digest);
    });
  }

  /** The interface of a component. Rejects as {@link prepare} does. */
  async inspect(component: Uint8Array): Promise<AppInterface> {
    const digest = sha256(component);
    try {
      return await this.#options.preparer.inspect(component);
    } catch (error) {
      this.#refused.note(digest, error);
      throw error;
    }
  }

  /** Rejects when the bytes are not a stored source. */
  checkSource(source: Uint8Array): Promise<void> {
    return this.#options.preparer.checkSource(source);
  }

  /**
   * The interface of a revision that no call runs; the last few are cached. Rejects as {@link prepare} does, and for an
   * unknown revision.
   */
  async interfaceOf(revision: string): Promise<AppInterface> {
    const digest = this.#options.catalog.digestOf(revision);
    const known = digest === undefined ? undefined : this.#interfaces.get(digest);
    if (known !== undefined) return known;
    if (digest !== undefined) this.#refused.check(digest);
    const found = await this.inspect(await this.#options.catalog.component(revision));
    if (digest !== undefined) this.#interfaces.set(digest, found);
    return found;
  }

  /**
   * Within the app's lock: makes calls run the catalog's current revision, or removes the app. `ready` is used instead
   * of a new preparation when it is that revision. Rejects without a change when the revision cannot be prepared.
   */
  async settle(app: string, ready?: PreparedComponent): Promise<void> {
    try {
      await this.#settle(app, ready);
      this.#failed.delete(app);
    } catch (error) {
      this.#failed.add(app);
      throw error;
    }
  }

  async #settle(app: string, ready?: PreparedComponent): Promise<void> {
    const { catalog } = this.#options;
    const record = catalog.get(app);
    if (record === undefined) {
      if (this.#active.delete(app)) this.#options.switch.remove(app);
      return;
    }
    const { revision, public: isPublic } = record;
    const before = this.#active.get(app);
    const digest = catalog.digestOf(revision);
    if (before?.revision === revision && before.component === digest && before.public === isPublic) return;
    const { prepared, component } =
      ready !== undefined && ready.component === digest
        ? ready
        : await this.prepare(await catalog.component(revision), revision);
    // Two components share one revision name. Workers tell revisions apart by name, so the old one must go before the
    // new one comes.
    if (before?.revision === revision && before.component !== component) this.#options.switch.remove(app);
    this.#options.switch.activate(app, prepared, { public: isPublic });
    this.#active.set(app, { revision, component, public: isPublic });
  }
}
