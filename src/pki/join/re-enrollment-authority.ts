// Re-enrollment (RFC 7030, section 4.2.2) of a known node whose certificate ended while it was away: no token, no
// person.

import type { Clock } from "../../core/clock.js";
import { spanText } from "../../core/clock-skew.js";
import { JoinRefused } from "../join-refused.js";
import type { AuditEvent } from "../registry/audit-record.js";
import type { Admissions, Admitted } from "./admission.js";
import { endOfPeer, hostsOfPublic } from "./evidence.js";
import type { JoinOrigin, JoinOrigins } from "./origin.js";
import type { JoinAuthority } from "./ports.js";
import { JoinRateLimit } from "./rate-limit.js";
import type { JoinRequest } from "./request.js";

const dayMs = 86_400_000;
/** Re-enrollments of one node, and of all: each costs two signatures and a write. */
const rates = { each: { burst: 10, perSecond: 1 / 60 }, total: { burst: 500, perSecond: 10 } };

/** Dependencies of {@link ReEnrollmentAuthority}. */
interface ReEnrollmentAuthorityOptions {
  readonly authority: JoinAuthority;
  readonly admissions: Admissions;
  readonly origins: JoinOrigins;
  readonly clock: Clock;
  /**
   * A node may re-enroll by its enrolled key alone for so many days after its certificate ended. More days spare people
   * work after long absences, and leave a stolen state folder of use for longer.
   */
  readonly returnDays: number;
  readonly audit: (event: AuditEvent) => Promise<void>;
}

/**
 * Re-enrolls known nodes: the request's signature proves the node, and its old certificate the length of its absence.
 */
export class ReEnrollmentAuthority {
  readonly #options: ReEnrollmentAuthorityOptions;
  readonly #rates: JoinRateLimit;
  /** When the newest request of each node was signed, by its clock: an older or an equal one is a replay. */
  readonly #signedAt = new Map<string, number>();

  constructor(options: ReEnrollmentAuthorityOptions) {
    this.#options = options;
    this.#rates = new JoinRateLimit({ clock: options.clock, ...rates, detail: "too many returns" });
  }

  /** New certificates for the node named `name`. Throws `join.refused` with the reason, and `request.throttled`. */
  async admit(request: JoinRequest, { name, origin }: { name: string; origin: JoinOrigin }): Promise<Admitted> {
    const { authority, admissions, origins, clock, audit } = this.#options;
    const { nodeId } = request;
    const { rootCertificate, meshId } = authority;
    const context = { rootCertificate, meshId, nodeId, name };
    const { peer = "", public: publicChain } = request.current ?? {};
    const overMs = clock.now() - endOfPeer(peer, context);
    this.#check(request, overMs);
    const hosts = hostsOfPublic(publicChain, context);
    const approval = {
      approvedBy: "",
      deploy: false,
      masterBy: undefined,
      hosts,
      address: origins.vouchedAddress(origin),
      parent: origin.arrivedAt,
    };
    admissions.check(request, approval);
    const admitted = await admissions.admit(request, approval);
    if (overMs > 0) {
      const detail = `${name} from ${origin.address}: its certificate had ended ${spanText(overMs)} ago`;
      await audit({ event: "node.returned", by: "mesh", subject: nodeId, detail });
    }
    return admitted;
  }

  /** Throws when the absence was too long, for too many requests, and for a replay. */
  #check({ nodeId, at }: JoinRequest, overMs: number): void {
    const limitMs = this.#options.returnDays * dayMs;
    if (overMs > limitMs) {
      const detail =
        `the node's certificate ended ${spanText(overMs)} ago, and the mesh lets nodes return by themselves ` +
        `for ${spanText(limitMs)}: it needs a join token (herd token create --role join, then herd up --join ` +
        "URL --token TOKEN with the state that it has)";
      throw new JoinRefused(detail);
    }
    this.#rates.take(nodeId);
    if (at <= (this.#signedAt.get(nodeId) ?? Number.NEGATIVE_INFINITY)) {
      throw new JoinRefused("the request was used before: a node that returns signs a new one");
    }
    this.#signedAt.set(nodeId, at);
  }
}
