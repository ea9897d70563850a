// What the catalog says an app is, made what its calls run; changes of one app happen one after the other.

import { sha256 } from "../catalog/blobs.js";
import { AppLock } from "./app-lock.js";
import type { Catalog, Prepared, Preparer, Switch } from "./seams.js";

/** A prepared revision with the SHA-256, in hex, of the component that it was made of. */
export interface PreparedComponent {
  readonly prepared: Prepared;
  readonly component: string;
}

/** What an {@link Activation} works with. */
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

/** Keeps what calls run at what the catalog says; calls under way end on the old revision. */
export class Activation {
  /** Whoever changes an app in the catalog and then here holds its lock meanwhile. */
  readonly lock = new AppLock();
  readonly #options: ActivationOptions;
  readonly #active = new Map<string, Active>();

  constructor(options: ActivationOptions) {
    this.#options = options;
  }

  /** A component, ready to run. Rejects as the sandbox does. */
  async prepare(component: Uint8Array, revision: string): Promise<PreparedComponent> {
    return { prepared: await this.#options.preparer.prepare(component, revision), component: sha256(component) };
  }

  /**
   * Within the app's lock: makes calls run the catalog's current revision, or end for a removed app. `ready` saves preparing when it
   * is that one. Rejects, changing nothing, when it cannot be prepared.
   */
  async settle(app: string, ready?: PreparedComponent): Promise<void> {
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
    // Two components of one name: workers tell revisions apart by name, so the old one goes before the new one comes.
    if (before?.revision === revision && before.component !== component) this.#options.switch.remove(app);
    this.#options.switch.activate(app, prepared, { public: isPublic });
    this.#active.set(app, { revision, component, public: isPublic });
  }
}
