// Starts the compiler before the first upload (against a cold start), once no calls run.

import type { Compiler } from "../../runtime/compile/compiler.js";
import type { Timers } from "../core/timers.js";

/**
 * Delay of the start, in milliseconds. A compiler takes a second of a core to start: calls, and the apps of a node that
 * joins under load, need that more.
 */
const afterMs = 10_000;

/** What to start, and the conditions. */
interface WarmCompilerOptions {
  readonly compiler: Pick<Compiler, "start" | "stop">;
  /** Whether this node may deploy: without it no compiler is needed. */
  readonly mayDeploy: boolean;
  /** Whether calls run or wait. */
  readonly isBusy: () => boolean;
  readonly timers: Timers;
}

/** Checks every ten seconds whether the node is idle. An earlier upload starts the compiler itself. */
export class WarmCompiler {
  readonly #options: WarmCompilerOptions;
  #cancel: (() => void) | undefined;

  constructor(options: WarmCompilerOptions) {
    this.#options = options;
  }

  start(): void {
    const { mayDeploy, timers, isBusy, compiler } = this.#options;
    if (!mayDeploy) return;
    this.#cancel?.();
    this.#cancel = timers.after(afterMs, () => {
      if (isBusy()) this.start();
      else compiler.start();
    });
  }

  /** Ends the checks, and stops the compiler. */
  stop(): Promise<void> | void {
    this.#cancel?.();
    return this.#options.compiler.stop();
  }
}
