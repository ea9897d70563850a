// Binaryen's passes over a core module: the speed of guests under all of them (`asc -O3`), for less than half the time.

import binaryen from "assemblyscript/binaryen";

/** The used part of AssemblyScript's module. */
interface Optimized {
  clearPassArguments(): void;
  setOptimizeLevel(level: number): void;
  setShrinkLevel(level: number): void;
  setDebugInfo(on: boolean): void;
  setZeroFilledMemory(on: boolean): void;
  setFastMath(on: boolean): void;
  setGenerateStackIR(on: boolean): void;
  setOptimizeStackIR(on: boolean): void;
  setAlwaysInlineMaxSize(size: number): void;
  setFlexibleInlineMaxSize(size: number): void;
  setOneCallerInlineMaxSize(size: number): void;
  setAllowInliningFunctionsWithLoops(on: boolean): void;
  setPartialInliningIfs(count: number): void;
  runPasses(passes: string[]): void;
}

/**
 * At 3, Binaryen inlines functions that several places call, on which guests that handle text depend: at 2 they take up
 * to 1.4 times as long. At 4, as `asc -O3` sets it, each function that was changed is flattened and optimized anew,
 * which takes as long as all the rest and makes no guest of the benchmarks faster.
 */
const optimizeLevel = 3;

/**
 * Largest functions to inline, in Binaryen's count of instructions, and the most branches of a function that is inlined
 * in part: the bounds of `asc -O2` and `-O3`.
 */
const inlining = { always: 12, flexible: 70, oneCaller: 200, partialIfs: 4 } as const;

/**
 * The passes of `asc -O2` in their order, with a second round of inlining as in `-O3`, and without what repeats. Passes
 * named `…-optimizing` optimize each function that they change by all function passes: one of them, where most
 * functions have their final shape, is enough. The places of calls are passed on to their arguments first
 * (`propagate-debug-locs`): code of the library that is inlined there begins behind them.
 */
const passes = [
  "remove-unused-module-elements",
  "once-reduction",
  "propagate-debug-locs",
  "inlining",
  "simplify-globals",
  "optimize-instructions",
  "avoid-reinterprets",
  "dce",
  "remove-unused-brs",
  "remove-unused-names",
  "merge-blocks",
  "precompute-propagate",
  "inlining",
  "pick-load-signs",
  "simplify-locals-notee-nostructure",
  "vacuum",
  "local-cse",
  "reorder-locals",
  "coalesce-locals",
  "simplify-locals",
  "coalesce-locals",
  "reorder-locals",
  "vacuum",
  "rse",
  "vacuum",
  "remove-unused-brs",
  "remove-unused-names",
  "merge-blocks",
  "dae",
  "inlining-optimizing",
  "optimize-added-constants",
  "duplicate-import-elimination",
  "simplify-globals",
  "precompute-propagate",
  "directize",
  "dae",
  "ssa-nomerge",
  "rse",
  "code-pushing",
  "optimize-instructions",
  "remove-unused-brs",
  "remove-unused-names",
  "merge-blocks",
  "vacuum",
  "simplify-globals",
  "reorder-globals",
  "reorder-functions",
  "memory-packing",
  "remove-unused-module-elements",
];

/**
 * Passes that are left out wherever others would run them: they merge equal ends of branches and equal functions, so
 * that code of several lines would become one, and no trap could show its line.
 */
const joiningPasses = ["code-folding", "duplicate-function-elimination"];

/** Optimizes `module` in place. The result depends on the module alone. */
export function optimize(module: Optimized): void {
  module.clearPassArguments();
  binaryen.clearPassesToSkip();
  for (const pass of joiningPasses) binaryen.addPassToSkip(pass);
  module.setOptimizeLevel(optimizeLevel);
  module.setShrinkLevel(0);
  module.setDebugInfo(false);
  module.setZeroFilledMemory(false);
  module.setFastMath(true);
  module.setGenerateStackIR(true);
  module.setOptimizeStackIR(true);
  module.setAlwaysInlineMaxSize(inlining.always);
  module.setFlexibleInlineMaxSize(inlining.flexible);
  module.setOneCallerInlineMaxSize(inlining.oneCaller);
  module.setAllowInliningFunctionsWithLoops(true);
  module.setPartialInliningIfs(inlining.partialIfs);
  module.runPasses([...passes]);
}
