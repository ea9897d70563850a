// One compilation at a time, and a bounded number of uploads under way: compilers are heavy and uploads are hostile.

import { HerdError } from "../core/errors.js";
import { SerialQueue } from "../core/serial-queue.js";

/** The two steps of an upload. Installs start in the order of their compilations, and do not hold up the next one. */
export interface UploadSteps<Compiled, Result> {
  compile(): Promise<Compiled>;
  install(compiled: Compiled): Promise<Result>;
}

/** Compiles uploads one after the other; refuses with `node.overloaded` when too many have not ended. */
export class CompileQueue {
  readonly #maxWaiting: number;
  #waiting = 0;
  readonly #queue = new SerialQueue();

  constructor(options: { readonly maxWaiting: number }) {
    this.#maxWaiting = options.maxWaiting;
  }

  /** Whether an upload is compiled, installed, or waits for that. */
  get busy(): boolean {
    return this.#waiting > 0;
  }

  /** What the install gave. An upload whose signal aborted while it waited is not compiled. */
  async run<Compiled, Result>(steps: UploadSteps<Compiled, Result>, signal?: AbortSignal): Promise<Result> {
    if (this.#waiting >= this.#maxWaiting) {
      const detail = `${this.#waiting} uploads wait for the compiler already`;
      throw new HerdError("node.overloaded", detail, { retryAfterSeconds: 5 });
    }
    // Counted until it is installed: what is compiled and waits for its app holds memory too.
    this.#waiting++;
    try {
      const compiled = await this.#queue.run(async () => {
        signal?.throwIfAborted();
        return steps.compile();
      });
      return await steps.install(compiled);
    } finally {
      this.#waiting--;
    }
  }
}
