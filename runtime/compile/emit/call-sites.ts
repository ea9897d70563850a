// Attributes library code that only one place of the upload calls to that place, also after it is inlined there.

interface AscRange {
  readonly start: number;
  readonly source: { readonly debugInfoIndex: number; lineAt(offset: number): number; columnAt(): number };
}

/** The used part of a compiled function of AssemblyScript's program; its expressions are Binaryen's addresses. */
interface AscFunction {
  readonly internalName: string;
  readonly debugLocations: ReadonlyMap<number, AscRange>;
}

/** A function of Binaryen's module, by its address, with the places of its expressions. */
interface CompiledFunction {
  readonly ref: number;
  readonly debugLocations: ReadonlyMap<number, AscRange>;
}

type MakeCall = (target: string, operands: number[] | null, type: number, isReturn?: boolean) => number;

/** The used part of AssemblyScript's program. */
interface AscProgram {
  readonly module: { call: MakeCall };
  readonly instancesByName: ReadonlyMap<string, Partial<AscFunction>>;
}

/** The used part of Binaryen's module. */
interface DebugLocations {
  getFunction(name: string): number;
  setDebugLocation(of: number, expression: number, file: number, line: number, column: number): void;
}

interface Site {
  readonly file: number;
  readonly line: number;
  readonly column: number;
}

/** Counts calls while the compiler makes them, then moves the debug locations of functions with one call. */
export class CallSites {
  readonly #targets = new Map<number, string>();
  readonly #counts = new Map<string, number>();
  #functions: ReadonlyMap<string, CompiledFunction> | undefined;
  #program: AscProgram | undefined;

  /** To be called once the program is initialized, before it is compiled. */
  watch(program: AscProgram): void {
    this.#program = program;
    const { module } = program;
    const call: MakeCall = module.call.bind(module);
    module.call = (target, operands, type, isReturn) => {
      const made = call(target, operands, type, isReturn);
      this.#targets.set(made, target);
      this.#counts.set(target, (this.#counts.get(target) ?? 0) + 1);
      return made;
    };
  }

  /** To be called once the program is compiled, before its module is optimized. */
  move(module: DebugLocations): void {
    const functions = compiledFunctions(
      module,
      [...(this.#program?.instancesByName.values() ?? [])].filter(isFunction),
    );
    this.#functions = functions;
    for (const [name, { debugLocations }] of functions) {
      if (isLibrary(name)) continue;
      for (const [expression, { source, start }] of debugLocations) {
        const callee = this.#onlyCalledBy(expression);
        if (callee === undefined) continue;
        const line = source.lineAt(start);
        this.#move(module, callee, { file: source.debugInfoIndex, line, column: source.columnAt() - 1 });
      }
    }
  }

  #move(module: DebugLocations, from: CompiledFunction, site: Site): void {
    const waiting = [from];
    const moved = new Set<CompiledFunction>();
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (moved.has(next)) continue;
      moved.add(next);
      for (const expression of next.debugLocations.keys()) {
        module.setDebugLocation(next.ref, expression, site.file, site.line, site.column);
        const callee = this.#onlyCalledBy(expression);
        if (callee !== undefined) waiting.push(callee);
      }
    }
  }

  /** The library function that only `expression` calls. */
  #onlyCalledBy(expression: number): CompiledFunction | undefined {
    const target = this.#targets.get(expression);
    if (target === undefined || !isLibrary(target) || this.#counts.get(target) !== 1) return undefined;
    return this.#functions?.get(target);
  }
}

/**
 * The functions that are in the module, by name. The compiler's own passes add many of them anew, with the same
 * expressions, so only the module knows where a function is now: an earlier address may belong to another function by
 * chance. Two functions with one name cannot be told apart and are left out.
 */
function compiledFunctions(module: DebugLocations, all: readonly AscFunction[]): Map<string, CompiledFunction> {
  const found = new Map<string, CompiledFunction>();
  const twice = new Set<string>();
  for (const { internalName, debugLocations } of all) {
    const ref = module.getFunction(internalName);
    if (ref === 0) continue;
    if (found.has(internalName)) twice.add(internalName);
    found.set(internalName, { ref, debugLocations });
  }
  for (const name of twice) found.delete(name);
  return found;
}

function isFunction(one: Partial<AscFunction>): one is AscFunction {
  return one.internalName !== undefined && one.debugLocations !== undefined;
}

function isLibrary(name: string): boolean {
  return name.startsWith("~lib/");
}
