// Starts the compiler before the first upload, once nobody calls.

import type { Compiler } from "../../runtime/compile/compiler.js";
import type { Timers } from "../core/timers.js";

/** A compiler takes a second of a core to start: calls, and the apps of a node that joins under load, need that more. */
const afterMs = 10_000;

/** What is started, and when. */
interface WarmCompilerOptions {
  readonly compiler: Pick<Compiler, "start" | "stop">;
  /** Whether this node may deploy: without it no compiler is needed. */
  readonly mayDeploy: boolean;
  /** Whether calls run or wait. */
  readonly isBusy: () => boolean;
  readonly timers: Timers;
}

/** Looks every ten seconds whether the node is idle. An upload before that starts the compiler itself. */
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

  /** Stops the compiler too. */
  stop(): Promise<void> | void {
    this.#cancel?.();
    return this.#options.compiler.stop();
  }
}
