// The bytes of large bodies that are on their way to the node at once, bounded over all clients: who sends half a body holds no more.

import type { Request, Response } from "hyper-express";
import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import { receivedBytes } from "../http/framed-exchange.js";

/** Smaller bodies are not counted: counting would cost more than they hold. */
const countedBytes = 65_536;
/** While the budget is used up, bodies that came slower than this since they were counted give way to the next. */
const floorBytesPerMs = 64;
/** A body is young for so long, whatever its pace. */
const graceMs = 1_000;

/** A body that is counted. */
interface Arriving {
  readonly request: Request;
  readonly response: Response;
  readonly bytes: number;
  readonly since: number;
}

/** Bodies that arrive, in bytes as announced. */
export class BodyBudget {
  readonly #limitBytes: number;
  readonly #clock: Clock;
  readonly #bodies = new Set<Arriving>();
  #arriving = 0;

  constructor(limitBytes: number, clock: Clock) {
    this.#limitBytes = limitBytes;
    this.#clock = clock;
  }

  /**
   * Counts the body of `request` until the returned function is called or the client goes away; one without a length
   * counts as `maxBytes`. A body that hardly comes loses its connection when another one needs its place. Throws
   * HerdError `node.overloaded` when too much is on its way all the same.
   */
  admit({ request, response }: { request: Request; response: Response }, maxBytes: number): () => void {
    const { headers } = request;
    const announced = headers["transfer-encoding"] === undefined ? Number(headers["content-length"] ?? 0) : maxBytes;
    const bytes = Math.min(announced, maxBytes);
    if (bytes < countedBytes) return () => undefined;
    if (!this.#fits(bytes)) this.#endSlow(bytes);
    if (!this.#fits(bytes)) {
      throw new HerdError("node.overloaded", "too many large bodies are on their way", { retryAfterSeconds: 1 });
    }
    this.#arriving += bytes;
    const body = { request, response, bytes, since: this.#clock.monotonic() };
    this.#bodies.add(body);
    const release = (): void => this.#release(body);
    response.once("close", release);
    return release;
  }

  #fits(bytes: number): boolean {
    return this.#arriving === 0 || this.#arriving + bytes <= this.#limitBytes;
  }

  /** Ends the oldest bodies that hardly come, until so many bytes fit. */
  #endSlow(bytes: number): void {
    const now = this.#clock.monotonic();
    for (const body of this.#bodies) {
      const ageMs = now - body.since;
      // In the order of their age.
      if (ageMs < graceMs || this.#fits(bytes)) return;
      if (receivedBytes(body.request) >= ageMs * floorBytesPerMs) continue;
      this.#release(body);
      // uWebSockets may be reading from another socket now.
      setImmediate(() => body.response.close());
    }
  }

  #release(body: Arriving): void {
    if (this.#bodies.delete(body)) this.#arriving -= body.bytes;
  }
}
