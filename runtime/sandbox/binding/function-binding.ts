// Binding of one function, text in and text out: built once per worker, used with every instance of its module.

import { maxFlatParameters, parameterTypes, resultTypes } from "../../interface/layout.js";
import type { FunctionType } from "../../interface/model.js";
import type { ArgumentFormat } from "../call.js";
import type { CoreValue, WasmFunction } from "../web-assembly.js";
import { ArgumentReader } from "./arguments.js";
import type { Lifter, Lowerer } from "./codec.js";
import type { Heap } from "./heap.js";
import { lifter, objectLifter } from "./lift.js";
import { defaultedLowerer, lowerer } from "./lower.js";
import { argumentError, Mismatch } from "./mismatch.js";
import { checkResult, LiftBudget } from "./result-budget.js";
import type { TypeTable } from "./types.js";

/** The part of an instance that a call needs. */
export interface Callee {
  readonly heap: Heap;
  readonly core: WasmFunction;
}

/** A call's arguments as text, checked for shape but not yet lowered. */
export type ReadArguments = ReturnType<ArgumentReader["read"]>;

/** Calls one function. {@link read} needs no instance, so a malformed request costs no reset. */
export class FunctionBinding {
  readonly type: FunctionType;
  readonly #reader: ArgumentReader;
  readonly #parameters: readonly { readonly name: string; readonly lowerer: Lowerer; readonly offset: number }[];
  readonly #spill: { readonly size: number; readonly align: number } | undefined;
  readonly #result: ResultReader;
  readonly #resultBytes: number;

  constructor(type: FunctionType, { types, resultBytes }: { types: TypeTable; resultBytes: number }) {
    this.type = type;
    this.#resultBytes = resultBytes;
    this.#reader = new ArgumentReader(type);
    const crossing = parameterTypes(type);
    const tuple = types.abi.tuple(crossing);
    const flat = crossing.reduce((count, one) => count + types.abi.flatCount(one), 0);
    const own = type.parameters.map((parameter) => ({
      name: parameter.name,
      lowerer: (parameter.default === undefined ? lowerer : defaultedLowerer)(parameter.type, types),
    }));
    const self =
      type.self === undefined ? [] : [{ name: "self", lowerer: lowerer({ kind: "record", name: type.self }, types) }];
    this.#parameters = [...self, ...own].map((one, index) => ({ ...one, offset: tuple.offsets[index] ?? 0 }));
    this.#spill = flat > maxFlatParameters ? tuple : undefined;
    this.#result = resultReader(type, types);
  }

  /** Throws HerdError `request.malformed` or `arguments.invalid`. */
  read(text: string, format: ArgumentFormat): ReadArguments {
    return this.#reader.read(text, format);
  }

  /** The result as JSON text, null for void. Throws HerdError, or the error of the guest's trap. */
  call({ heap, core }: Callee, given: ReadArguments): string | null {
    const flat = this.#lower(heap, given);
    return this.#result(heap, { value: apply(core, flat), limitBytes: this.#resultBytes });
  }

  #lower(heap: Heap, { values, steps }: ReadArguments): CoreValue[] {
    const flat: CoreValue[] = [];
    const at = this.#spill === undefined ? 0 : heap.allocate(this.#spill.size, this.#spill.align);
    let index = 0;
    try {
      for (; index < this.#parameters.length; index++) {
        const parameter = this.#parameters[index];
        if (this.#spill === undefined) parameter?.lowerer.flatten(heap, values[index], flat);
        else parameter?.lowerer.store(heap, values[index], at + parameter.offset);
      }
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
      error.path.unshift(steps(index));
      throw argumentError(error, { fn: this.type.name, parameter: this.#parameters[index]?.name ?? "" });
    }
    return this.#spill === undefined ? flat : [at];
  }
}

type ResultReader = (heap: Heap, result: { value: CoreValue | undefined; limitBytes: number }) => string | null;

function resultReader(type: FunctionType, types: TypeTable): ResultReader {
  const crossing = resultTypes(type);
  if (crossing.length === 0) return () => null;
  const { size, align, offsets } = types.abi.tuple(crossing);
  const lifters = crossing.map((one) => lifter(one, types));
  const whole = type.self === undefined ? lifters[0] : methodLifter(lifters, offsets);
  const { load, unflatten } = whole ?? nullLifter;
  if (unflatten !== undefined) return (_heap, { value }) => unflatten(value ?? 0);
  return (heap, { value, limitBytes }) => {
    const address = heap.range(Number(value), { bytes: size, align });
    return checkResult(load(heap, address, new LiftBudget(limitBytes)), limitBytes);
  };
}

const nullLifter: Lifter = { load: () => "null", unflatten: () => "null" };

/** A method's values as `{"self": …, "result": …}`; a method without a result crosses as its self alone. */
function methodLifter(lifters: readonly Lifter[], offsets: readonly number[]): Lifter {
  const [self = nullLifter, result] = lifters;
  const { unflatten } = self;
  if (result !== undefined) {
    return objectLifter([
      { name: "self", offset: 0, inner: { load: self.load } },
      { name: "result", offset: offsets[1] ?? 0, inner: { load: result.load } },
    ]);
  }
  const load: Lifter["load"] = (heap, address, budget) => `{"self":${self.load(heap, address, budget)},"result":null}`;
  return unflatten === undefined
    ? { load }
    : { load, unflatten: (value) => `{"self":${unflatten(value)},"result":null}` };
}

/** Calls with a fixed number of values are several times as fast as a spread. */
function apply(core: WasmFunction, flat: readonly CoreValue[]): CoreValue | undefined {
  const [a = 0, b = 0, c = 0, d = 0] = flat;
  switch (flat.length) {
    case 0:
      return core();
    case 1:
      return core(a);
    case 2:
      return core(a, b);
    case 3:
      return core(a, b, c);
    case 4:
      return core(a, b, c, d);
    default:
      return core(...flat);
  }
}
