// Back-pressure on large bodies: bounds the bytes of bodies that arrive at once, over all clients. A client that stops
// halfway loses its share.

import type { Request, Response } from "hyper-express";
import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import { receivedBytes } from "../http/uws-request.js";

/** Smaller bodies are not counted: to count one would cost more than it holds. */
const countedBytes = 65_536;
/**
 * While the budget is used up, a body that arrived more slowly than this since it was counted gives way to the next. In
 * bytes per millisecond.
 */
const floorBytesPerMs = 64;
/** A body younger than this, in milliseconds, never gives way, however slow it is. */
const graceMs = 1_000;

/** A body that counts towards the budget. */
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
   * Counts the body of `request` until the returned function is called or the client disconnects. A body without a
   * length counts as `maxBytes`. When another body needs the place, a body that arrives too slowly loses its
   * connection. Throws HerdError `node.overloaded` when the budget is still used up then.
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

  /** Ends the oldest bodies that arrive too slowly, until so many bytes fit. */
  #endSlow(bytes: number): void {
    const now = this.#clock.monotonic();
    for (const body of this.#bodies) {
      const ageMs = now - body.since;
      // Bodies are in the order of their age: all later ones are younger.
      if (ageMs < graceMs || this.#fits(bytes)) return;
      if (receivedBytes(body.request) >= ageMs * floorBytesPerMs) continue;
      this.#release(body);
      // Not at once: uWebSockets may be reading from another socket now.
      setImmediate(() => body.response.close());
    }
  }

  #release(body: Arriving): void {
    if (this.#bodies.delete(body)) this.#arriving -= body.bytes;
  }
}
