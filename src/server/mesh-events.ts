// What happens in the mesh, told to whoever listens: joins, states, deploys, revocations.

/** Something that happened. `type` is like `node.state` or `app.deployed`; `at` is epoch ms; the rest is JSON. */
export interface MeshEvent {
  readonly type: string;
  readonly at: number;
  readonly [field: string]: unknown;
}

/** Hands events to their listeners and keeps none. */
export class MeshEvents {
  readonly #listeners = new Set<(event: MeshEvent) => void>();

  /** How many listen. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /** Tells every listener. */
  publish(event: MeshEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Calls `listener` with each event from now on; the returned function ends that. A listener must not throw. */
  subscribe(listener: (event: MeshEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}
