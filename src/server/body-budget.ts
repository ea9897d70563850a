// The bytes of large bodies that are on their way to the node at once, bounded over all clients: who sends half a body holds no more.

import type { Request, Response } from "hyper-express";
import { HerdError } from "../core/errors.js";

/** Smaller bodies are not counted: counting would cost more than they hold. */
const countedBytes = 65_536;

/** Bodies that arrive, in bytes as announced. */
export class BodyBudget {
  readonly #limitBytes: number;
  #arriving = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /**
   * Counts the body of `request` until the returned function is called or the client goes away; one without a length counts as
   * `maxBytes`. Throws HerdError `node.overloaded` when too much is on its way.
   */
  admit({ request, response }: { request: Request; response: Response }, maxBytes: number): () => void {
    const { headers } = request;
    const announced = headers["transfer-encoding"] === undefined ? Number(headers["content-length"] ?? 0) : maxBytes;
    const bytes = Math.min(announced, maxBytes);
    if (bytes < countedBytes) return () => undefined;
    if (this.#arriving > 0 && this.#arriving + bytes > this.#limitBytes) {
      throw new HerdError("node.overloaded", "too many large bodies are on their way", { retryAfterSeconds: 1 });
    }
    this.#arriving += bytes;
    let counted = true;
    const release = (): void => {
      if (counted) this.#arriving -= bytes;
      counted = false;
    };
    response.once("close", release);
    return release;
  }
}
