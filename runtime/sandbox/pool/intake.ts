// What a call becomes on its way in: checked, bounded, and as the threads want it.
import { isUtf8 } from "node:buffer";
import type { Clock } from "../../../src/core/clock.js";
import { HerdError } from "../../../src/core/errors.js";
import type { Limits } from "../../../src/core/limits.js";
import { invalidUtf8At } from "../../../src/core/utf8.js";
import type { CallResult, RevisionCall } from "../call.js";
import type { CallMessage } from "../messages.js";
import type { PreparedRevision } from "../prepared-revision.js";
import { FunctionQueue, PendingCall } from "./pending-call.js";

/** How the caller hears of the end. */
export interface CallEnd {
  resolve(result: CallResult): void;
  reject(reason: unknown): void;
}

/** Larger bodies cross as shared memory: one copy, and still there when a call must move to another thread. */
const sharedBodyBytes = 32 * 1024;

interface RevisionCalls {
  readonly indexes: ReadonlyMap<string, number>;
  readonly queues: FunctionQueue[];
}

/** Makes pending calls of calls, and keeps account of what those that are not settled hold. */
export class Intake {
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #revisions = new Map<string, RevisionCalls>();
  /** Arguments of the calls that are not settled. */
  #heldBytes = 0;

  constructor(options: { readonly limits: Limits; readonly clock: Clock }) {
    this.#limits = options.limits;
    this.#clock = options.clock;
  }

  /** Throws the reason of the call's signal, or a HerdError when its deadline has passed. */
  admit({ signal, deadline }: RevisionCall): void {
    signal?.throwIfAborted();
    if (deadline <= this.#clock.now()) throw new HerdError("function.deadline", "the deadline has passed");
  }

  /** Whether a call's arguments are too much beside those of the others that are not settled. */
  isOver({ arguments: { body } }: RevisionCall): boolean {
    return this.#heldBytes > 0 && this.#heldBytes + body.length > this.#limits.queueBytes;
  }

  /** An admitted call as it waits and travels; throws HerdError when there is no such function or the body is none. */
  take(call: RevisionCall, { resolve, reject }: CallEnd): PendingCall {
    const { indexes, queues } = this.#calls(call.prepared);
    const index = indexes.get(call.function);
    if (index === undefined) throw new HerdError("function.unknown", `no function ${call.function.slice(0, 128)}`);
    queues[index] ??= new FunctionQueue();
    const bytes = call.arguments.body.length;
    const pending = new PendingCall({
      prepared: call.prepared,
      function: call.function,
      id: call.id,
      message: [call.prepared.revision, index, call.arguments.format, this.#body(call.arguments.body)],
      queue: queues[index],
      deadline: call.deadline,
      signal: call.signal,
      cameAt: this.#clock.monotonic(),
      resolve: (result) => {
        this.#heldBytes -= bytes;
        resolve(result);
      },
      reject: (reason) => {
        this.#heldBytes -= bytes;
        reject(reason);
      },
    });
    this.#heldBytes += bytes;
    return pending;
  }

  /** Frees what is kept of a revision that will not be called any more. */
  forget(revision: string): void {
    this.#revisions.delete(revision);
  }

  #calls({ revision, interface: app }: PreparedRevision): RevisionCalls {
    let calls = this.#revisions.get(revision);
    if (calls === undefined) {
      calls = { indexes: new Map(app.functions.map(({ name }, index) => [name, index])), queues: [] };
      this.#revisions.set(revision, calls);
    }
    return calls;
  }

  #body(body: Uint8Array | string): CallMessage[3] {
    const { argumentBytes } = this.#limits;
    if (body.length > argumentBytes)
      throw new HerdError("request.too-large", `arguments take at most ${argumentBytes} bytes`);
    if (typeof body === "string") return body;
    if (!isUtf8(body))
      throw new HerdError("request.malformed", `the body is not UTF-8 (at byte ${invalidUtf8At(body)})`);
    if (body.length <= sharedBodyBytes) return Buffer.from(body.buffer, body.byteOffset, body.length).toString("utf8");
    const shared = new SharedArrayBuffer(body.length);
    new Uint8Array(shared).set(body);
    return shared;
  }
}

/** Characters or bytes of a waiting call's arguments. */
export function bodySize({ message: [, , , body] }: PendingCall): number {
  return typeof body === "string" ? body.length : body.byteLength;
}

/** Too much waits or runs: the caller may try again. */
export function overloaded(detail: string): HerdError {
  return new HerdError("node.overloaded", detail, { retryAfterSeconds: 1 });
}
