// The audit records of refused requests to join.

import type { Clock } from "../../core/clock.js";
import { JoinRefused } from "../join-refused.js";
import type { AuditEvent } from "../registry/audit-record.js";
import type { JoinOrigin, JoinOrigins } from "./origin.js";
import { JoinRateLimit } from "./rate-limit.js";
import type { JoinRequest } from "./request.js";

const detailLimit = 512;

/** What refusals are written with. */
interface JoinRefusalsOptions {
  readonly clock: Clock;
  readonly origins: JoinOrigins;
  readonly audit: (event: AuditEvent) => Promise<void>;
}

/** Writes refusals down, within a rate limit: a source that is refused again and again must not fill the log. */
export class JoinRefusals {
  readonly #options: JoinRefusalsOptions;
  readonly #rates: JoinRateLimit;
  /** Refusals since the last record that the rate limit kept out of the log. */
  #unwritten = 0;

  constructor(options: JoinRefusalsOptions) {
    const { clock } = options;
    this.#options = options;
    this.#rates = new JoinRateLimit({
      clock,
      each: { burst: 100, perSecond: 1 / 10 },
      total: { burst: 500, perSecond: 1 },
    });
  }

  /** Writes a refusal down, unless there were too many; the error to throw. Other errors pass unrecorded. */
  async record(
    error: unknown,
    {
      request,
      origin,
      event = "join.refused",
    }: { request: JoinRequest; origin: JoinOrigin; event?: "join.refused" | "renewal.refused" },
  ): Promise<unknown> {
    if (!(error instanceof JoinRefused)) return error;
    try {
      this.#rates.take(this.#options.origins.sourceOf(origin));
    } catch {
      this.#unwritten++;
      return error;
    }
    const more = this.#unwritten === 0 ? "" : `${this.#unwritten} more before; `;
    this.#unwritten = 0;
    const by = request.token === undefined ? "mesh" : `token ${request.token.id}`;
    const detail = `${more}${request.name} from ${origin.address}: ${error.message}`.slice(0, detailLimit);
    await this.#options.audit({ event, by, subject: request.nodeId, detail });
    return error;
  }
}
