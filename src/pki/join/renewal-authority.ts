// Fresh leaves for a node whose link proved its identity: what a registration authority does between joins.

import * as z from "zod";
import { HerdError } from "../../core/errors.js";
import { type IssuedCertificate, issueLeaves } from "../identity/enrollment-issue.js";
import { JoinRefused } from "../join-refused.js";
import type { AuditEvent } from "../registry/audit-record.js";
import { csrLimitBytes, parseCsr } from "../x509/csr.js";
import { hostsOfPublic } from "./evidence.js";
import { approvedHosts } from "./hosts.js";
import type { JoinAuthority, JoinRegistry } from "./ports.js";
import { JoinRateLimit } from "./rate-limit.js";

/**
 * Body of the request `renew`: certificate requests (PEM), the hosts that the node would like, and its public chain in
 * service.
 */
const bodyShape = z.object({
  peer: z.string().max(csrLimitBytes).optional(),
  public: z.string().max(csrLimitBytes).optional(),
  hosts: z.array(z.string().max(253)).max(16),
  /** The public chain in service: its hosts were approved. */
  current: z
    .string()
    .max(12 * 1024)
    .optional(),
});

/** What a renewal works with; `issued` writes down what was signed. */
interface RenewalAuthorityOptions {
  readonly authority: JoinAuthority;
  readonly registry: JoinRegistry;
  readonly issued: (nodeId: string, certificates: readonly IssuedCertificate[]) => Promise<void>;
  readonly audit: (event: AuditEvent) => Promise<void>;
}

/** Signs leaves for nodes of the mesh. */
export class RenewalAuthority {
  readonly #options: RenewalAuthorityOptions;
  readonly #rates: JoinRateLimit;

  constructor(options: RenewalAuthorityOptions) {
    this.#options = options;
    // Each costs two signatures and a write here, and nothing there. The total is for a large mesh that comes back at
    // once.
    this.#rates = new JoinRateLimit({
      clock: options.authority.clock,
      each: { burst: 20, perSecond: 1 / 30 },
      total: { burst: 2_000, perSecond: 50 },
      detail: "too many renewals",
    });
  }

  /**
   * The chains (PEM) for an ask of the node `nodeId`, with the marks of its admission and no host that was not approved
   * before. Throws `join.refused` for a node that is unknown or revoked, `request.throttled`, and `request.malformed`.
   */
  async renew(nodeId: string, body: unknown): Promise<{ readonly peer?: string; readonly public?: string }> {
    const { authority, registry, issued, audit } = this.#options;
    this.#rates.take(nodeId);
    const parsed = bodyShape.safeParse(body);
    if (!parsed.success)
      throw new HerdError("request.malformed", "the renewal cannot be read", { cause: parsed.error });
    const { peer, public: open, hosts: wanted, current } = parsed.data;
    const node = registry.node(nodeId);
    if (node === undefined || node.revoked) {
      const detail = node === undefined ? "the node is not known" : "the node was revoked";
      await audit({ event: "renewal.refused", by: "mesh", subject: nodeId, detail });
      throw new JoinRefused(detail);
    }
    const { rootCertificate, scope } = authority;
    const before = hostsOfPublic(current, { rootCertificate, name: node.name });
    const choice = { wanted: [...before, ...wanted], advertise: "localhost", address: "", allowed: before, scope };
    const { name, deploy, master } = node;
    // Both are judged before either is signed.
    const csr = peer === undefined ? undefined : parseCsr(peer);
    const publicCsr = open === undefined ? undefined : parseCsr(open);
    const request = { nodeId, name, csr, publicCsr, hosts: approvedHosts(choice), deploy, master };
    const leaves = issueLeaves(request, authority);
    await issued(nodeId, leaves.issued);
    const { peerCertificate, publicCertificate } = leaves;
    return {
      ...(peerCertificate === undefined ? {} : { peer: peerCertificate }),
      ...(publicCertificate === undefined ? {} : { public: publicCertificate }),
    };
  }
}
