// The engine of one thread: its loaded revisions, each with one instance, and one call after the other.
import { HerdError } from "../../../src/core/errors.js";
import type { Limits } from "../../../src/core/limits.js";
import { FunctionBinding, type ReadArguments } from "../binding/function-binding.js";
import { TypeTable } from "../binding/types.js";
import type { CallBody, CallMessage, NumberedRevision } from "../messages.js";
import type { PreparedRevision } from "../prepared-revision.js";
import { guestFailure } from "./guest-failure.js";
import { GuestLog, type LineSink } from "./guest-log.js";
import type { Host } from "./host-imports.js";
import { Instance } from "./instance.js";

/** Options of an engine: the host functions without the log, which belongs to a call. */
export interface EngineOptions {
  readonly limits: Pick<Limits, "memoryBytes" | "resultBytes" | "logLines" | "logLineBytes">;
  readonly host: Omit<Host, "log" | "logUnits">;
}

interface Loaded {
  readonly prepared: PreparedRevision;
  /** Made with the first binding, so that a failure is the failure of that call. */
  types: TypeTable | undefined;
  readonly bindings: (FunctionBinding | undefined)[];
  instance: Instance | undefined;
}

/** Runs calls of loaded revisions, each in a pristine instance. */
export class Engine {
  readonly #limits: EngineOptions["limits"];
  readonly #host: Host;
  readonly #log: GuestLog;
  /** By the numbers of {@link NumberedRevision}. */
  readonly #revisions = new Map<number, Loaded>();
  #used: Loaded | undefined;
  /** Bytes by which the kept instances have grown, the oldest first: together as many as one call may take. */
  readonly #grown = new Map<Loaded, number>();
  #grownBytes = 0;
  /** Whether instances were given up whose memories the next garbage collection frees. */
  #hasGarbage = false;

  constructor({ limits, host }: EngineOptions) {
    this.#limits = limits;
    this.#log = new GuestLog(limits);
    this.#host = {
      nodeName: host.nodeName,
      now: () => host.now(),
      monotonicNs: () => host.monotonicNs(),
      fillRandom: (bytes) => host.fillRandom(bytes),
      log: (level, message) => this.#log.write(level, message),
      logUnits: () => this.#log.units(),
    };
  }

  /** Makes a revision callable. */
  load({ id, prepared }: NumberedRevision): void {
    this.#revisions.set(id, {
      prepared,
      types: undefined,
      bindings: [],
      instance: undefined,
    });
  }

  /** Forgets a revision and its instance. */
  drop(id: number): void {
    const loaded = this.#revisions.get(id);
    if (loaded?.instance !== undefined) this.#giveBack(loaded);
    this.#revisions.delete(id);
  }

  /**
   * Runs one call in a pristine instance and returns the result as JSON text, null for void; throws HerdError. {@link
   * tidy} must follow before the next call: it is a step of its own so that the result can be sent first.
   */
  run({ revision, functionIndex, format, body }: CallMessage, sink: LineSink): string | null {
    const loaded = this.#revisions.get(revision);
    if (loaded === undefined) throw new HerdError("internal", `revision ${revision} is not loaded`);
    const binding = this.#binding(loaded, functionIndex);
    const given = binding.read(textOf(body), format);
    this.#log.begin(sink);
    this.#used = loaded;
    try {
      loaded.instance ??= new Instance(loaded.prepared, this.#host);
      return invoke(binding, loaded.instance, given);
    } finally {
      this.#log.end();
    }
  }

  #binding(loaded: Loaded, index: number): FunctionBinding {
    const { prepared, bindings } = loaded;
    const known = bindings[index];
    if (known !== undefined) return known;
    const type = prepared.interface.functions[index];
    if (type === undefined) throw new HerdError("internal", `no function ${index} in ${prepared.revision}`);
    loaded.types ??= new TypeTable(prepared.interface);
    const made = new FunctionBinding(type, { types: loaded.types, resultBytes: this.#limits.resultBytes });
    bindings[index] = made;
    return made;
  }

  /** True when {@link tidy} will take long: a new instance must be made, or a large memory zeroed. */
  get needsInstance(): boolean {
    const instance = this.#used?.instance;
    return this.#used !== undefined && (instance === undefined || instance.isLarge || !instance.isResettable);
  }

  /** Resets the instance that ran last, or puts a new one in its place. Never throws. */
  tidy(): void {
    const loaded = this.#used;
    this.#used = undefined;
    if (loaded === undefined) return;
    const { instance } = loaded;
    // Removed first: whatever fails below, no call finds an instance that is not pristine.
    loaded.instance = undefined;
    try {
      if (instance?.reset() === true) {
        loaded.instance = instance;
        this.#countGrowth(loaded, instance.grownBytes);
        return;
      }
      this.#giveBack(loaded);
      this.#log.begin(() => undefined);
      loaded.instance = new Instance(loaded.prepared, this.#host);
      this.#countGrowth(loaded, loaded.instance.grownBytes);
    } catch {
      // The next call tries again and reports the failure.
    }
  }

  /** Whether {@link release} and a garbage collection would free memories of instances. */
  get hasWaste(): boolean {
    return this.#hasGarbage || this.#grown.size > 0;
  }

  /** Gives the instances up that keep memory which a call grew. A garbage collection must follow. */
  release(): void {
    for (const loaded of this.#grown.keys()) this.#giveBack(loaded);
    this.#hasGarbage = false;
  }

  #countGrowth(loaded: Loaded, bytes: number): void {
    const counted = this.#grown.get(loaded) ?? 0;
    if (bytes === counted) return;
    this.#grown.set(loaded, bytes);
    this.#grownBytes += bytes - counted;
    for (const other of this.#grown.keys()) {
      if (this.#grownBytes <= this.#limits.memoryBytes) return;
      if (other !== loaded) this.#giveBack(other);
    }
  }

  #giveBack(loaded: Loaded): void {
    loaded.instance = undefined;
    this.#hasGarbage = true;
    this.#grownBytes -= this.#grown.get(loaded) ?? 0;
    this.#grown.delete(loaded);
  }
}

function invoke(binding: FunctionBinding, instance: Instance, given: ReadArguments): string | null {
  try {
    return binding.call({ heap: instance.heap, core: instance.core(binding.type.wit) }, given);
  } catch (error) {
    // After a trap the guest's memory may be half written: a new instance replaces it instead of a reset.
    if (!(error instanceof HerdError)) instance.spoil();
    throw guestFailure(error, instance);
  }
}

function textOf(body: CallBody): string {
  return typeof body === "string" ? body : Buffer.from(body).toString("utf8");
}
