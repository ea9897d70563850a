// Warms the compiler up before the first upload, against a cold start: once the node serves, in quiet moments.

import type { Compiler } from "../../runtime/compile/compiler.js";
import type { Timers } from "../core/timers.js";

/**
 * Between two looks at a node that has something to warm up, in milliseconds. A step follows {@link quietLooks} looks
 * at a quiet node and takes a core for up to some seconds. Longer leaves more of the machine to other programs, shorter
 * warms up sooner.
 */
const lookMs = 500;
const quietLooks = 2;
/** Between two looks at a compiler that is warm, or that rests: a process that replaces a faulty one is cold. */
const restMs = 10_000;

/** What to warm up, and the conditions. */
interface WarmCompilerOptions {
  readonly compiler: Pick<Compiler, "start" | "warmUp">;
  /** Whether there is anything to do: a node that may not deploy needs no compiler. */
  readonly isOn: boolean;
  /** Whether calls run or wait, or the machine's owner lets nothing run. */
  readonly isBusy: () => boolean;
  readonly timers: Timers;
}

/** Takes one step at a time, and none while the node is busy. An upload needs no warm compiler. */
export class WarmCompiler {
  readonly #options: WarmCompilerOptions;
  #cancel: (() => void) | undefined;
  #quiet = 0;
  #hasBegun = false;

  constructor(options: WarmCompilerOptions) {
    this.#options = options;
  }

  /** To be called when the node serves. Idempotent. */
  start(): void {
    if (this.#options.isOn && this.#cancel === undefined) this.#lookAfter(lookMs);
  }

  /** Ends the looks; a step under way ends with the compiler. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = () => undefined;
  }

  #lookAfter(ms: number): void {
    this.#cancel = this.#options.timers.after(ms, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { isBusy, compiler } = this.#options;
    this.#quiet = isBusy() ? 0 : this.#quiet + 1;
    if (this.#quiet < quietLooks) return this.#lookAfter(lookMs);
    this.#quiet = 0;
    if (!this.#hasBegun) compiler.start();
    this.#hasBegun = true;
    const pending = this.#cancel;
    const isCold = await compiler.warmUp();
    // A stop came meanwhile.
    if (this.#cancel !== pending) return;
    this.#lookAfter(isCold ? lookMs : restMs);
  }
}
