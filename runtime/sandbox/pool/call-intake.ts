// Intake of calls: checked, bounded, and encoded for the threads.

import { isUtf8 } from "node:buffer";
import type { Clock } from "../../../src/core/clock.js";
import { HerdError } from "../../../src/core/errors.js";
import type { Limits } from "../../../src/core/limits.js";
import { invalidUtf8At } from "../../../src/core/utf8.js";
import type { RevisionCall } from "../call.js";
import { DeadlineExceeded, NotStarted } from "../failures.js";
import type { CallBody } from "../messages.js";
import type { PreparedRevision } from "../prepared-revision.js";
import { type CallEnd, FunctionQueue, PendingCall } from "./pending-call.js";

/** Larger bodies cross as shared memory: copied once, and still there when a call must move to another thread. */
const sharedBodyBytes = 32 * 1024;

interface RevisionCalls {
  readonly indexes: ReadonlyMap<string, number>;
  readonly queues: FunctionQueue[];
}

/** Makes pending calls, and counts the memory that unsettled calls hold. */
export class Intake {
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #revisions = new Map<string, RevisionCalls>();
  /** Argument bytes of the calls that are not settled. */
  #heldBytes = 0;

  constructor(options: { readonly limits: Limits; readonly clock: Clock }) {
    this.#limits = options.limits;
    this.#clock = options.clock;
  }

  /** Throws the reason of the call's signal, or a HerdError when its deadline has passed. */
  admit({ signal, deadline }: RevisionCall): void {
    signal?.throwIfAborted();
    if (deadline <= this.#clock.now()) throw new DeadlineExceeded("the deadline has passed");
  }

  /** Back-pressure: whether a call's arguments do not fit beside those of other unsettled calls. */
  isOver({ arguments: { body } }: RevisionCall): boolean {
    return this.#heldBytes > 0 && this.#heldBytes + body.length > this.#limits.queueBytes;
  }

  /**
   * The pending call of an admitted call. Throws HerdError when the function does not exist or the body is not valid.
   */
  take(call: RevisionCall, end: CallEnd): PendingCall {
    const { indexes, queues } = this.#calls(call.prepared);
    const index = indexes.get(call.function);
    if (index === undefined) throw new NotStarted("unknown", `no function ${call.function.slice(0, 128)}`);
    queues[index] ??= new FunctionQueue();
    const pending = new PendingCall(call, {
      functionIndex: index,
      body: this.#body(call.arguments.body),
      queue: queues[index],
      cameAt: this.#clock.monotonic(),
      end,
      onSettled: this.#onSettled,
    });
    this.#heldBytes += call.arguments.body.length;
    return pending;
  }

  /** Frees the memory that is kept for a revision that will not be called any more. */
  forget(revision: string): void {
    this.#revisions.delete(revision);
  }

  readonly #onSettled = ({ call }: PendingCall): void => {
    this.#heldBytes -= call.arguments.body.length;
  };

  #calls({ revision, interface: app }: PreparedRevision): RevisionCalls {
    let calls = this.#revisions.get(revision);
    if (calls === undefined) {
      calls = { indexes: new Map(app.functions.map(({ name }, index) => [name, index])), queues: [] };
      this.#revisions.set(revision, calls);
    }
    return calls;
  }

  #body(body: Uint8Array | string): CallBody {
    const { argumentBytes } = this.#limits;
    if (body.length > argumentBytes) throw new NotStarted("too-large", `arguments take at most ${argumentBytes} bytes`);
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
export function bodySize({ body }: PendingCall): number {
  return typeof body === "string" ? body.length : body.byteLength;
}
