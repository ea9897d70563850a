// Who is in the mesh and what they may do: the registry of its nodes, its tokens, its audit log, its revocations.

import type { Publish, RecordStore } from "../mesh/ports.js";
import type { LinkSet } from "../mesh/transport/link-set.js";
import { CrlIssuer, CrlStore } from "../pki/identity/crl-store.js";
import type { IssuedCertificate } from "../pki/identity/enrollment-issue.js";
import { IssuedLedger } from "../pki/identity/issued-ledger.js";
import { bootstrapRecords } from "../pki/join/bootstrap-records.js";
import { RegistrationAuthority } from "../pki/join/registration-authority.js";
import { RenewalAuthority } from "../pki/join/renewal-authority.js";
import { JoinTokenIssuer } from "../pki/join/token-issuer.js";
import { JoinTokens } from "../pki/join/tokens.js";
import type { AuditEvent } from "../pki/registry/audit-record.js";
import { Registry } from "../pki/registry/registry.js";
import { Revoker } from "../pki/registry/revocation.js";
import { publishJoins } from "../server/views/mesh-events.js";
import { type AuditParts, auditParts } from "../trust/audit-parts.js";
import { acceptStillGood } from "../trust/records-intake.js";
import type { NodeContext } from "./node-context.js";

/** What a node knows and proves about the mesh. */
export interface TrustParts {
  readonly registry: Registry;
  readonly audit: AuditParts;
  /** The stores of all records that are about nodes and tokens, in the order of their dependencies. */
  readonly stores: readonly RecordStore[];
  readonly revoker: Revoker;
  readonly crls: CrlStore;
  /** A master's own revocation list. */
  readonly crlIssuer: CrlIssuer | undefined;
  /** Masters let nodes in and renew their certificates. */
  readonly registrationAuthority: RegistrationAuthority | undefined;
  readonly renewalAuthority: RenewalAuthority | undefined;
  readonly tokenIssuer: JoinTokenIssuer | undefined;
  /** Reads what was kept. */
  open(): Promise<void>;
  /** A node's name for people: its id while the mesh has told no name. */
  nameOf(id: string): string;
  /** Adds to the audit log, without waiting. */
  record(event: AuditEvent): void;
}

/** What the parts need of the mesh; the links are there once the parts start. */
export interface TrustDependencies {
  readonly publish: Publish;
  readonly links: () => LinkSet;
}

/** Builds the parts; nothing is read yet. */
export async function trustParts(context: NodeContext, dependencies: TrustDependencies): Promise<TrustParts> {
  const { identity, clock, timers, log, events } = context;
  const { publish, links } = dependencies;
  const { meshId, rootCertificate, signer, tokens, nodeId, masterIssuer: issuer } = identity;
  const files = await identity.files("registry");
  const registry = new Registry({ meshId, rootCertificate, files, clock, log });
  const audit = await auditParts({ ...context, registry, publish, links });
  const record = (event: AuditEvent): Promise<void> => audit.auditor.record(event);
  tokens.connect({ authors: registry, publish, audit: record });
  const crls = new CrlStore({ meshId, files: await identity.files("crl"), clock, registry });
  const issued = new IssuedLedger({ files: await identity.files("issued"), clock });
  const joinTokens = issuer ? new JoinTokens({ files: await identity.files("join"), clock }) : undefined;
  const common = {
    ...{ authority: identity, registry, audit: record },
    issued: (id: string, certificates: readonly IssuedCertificate[]) => issued.record(id, certificates),
  };
  const urls = (): string[] => [context.url, ...otherMasters(registry, nodeId)];
  const records = (id: string): string[] => bootstrapRecords(registry, { nodeId: id, master: nodeId });
  const alsoRepeats = [tokens, audit.heads];
  return {
    ...{ registry, audit, crls },
    stores: [...registry.stores, ...tokens.stores, audit.heads.store, crls.store],
    crlIssuer: issuer && new CrlIssuer({ meshId, issuer, signer, issued, crls, registry, publish, clock, timers, log }),
    revoker: new Revoker({ registry, signer, clock, log, publish, audit: record, alsoRepeats }),
    registrationAuthority:
      joinTokens &&
      new RegistrationAuthority({
        ...common,
        ...publishJoins({ registry, events, clock, audit: record }),
        tokens: joinTokens,
        clock,
        publish,
        records,
        returnDays: context.config.returnDays,
      }),
    renewalAuthority: issuer ? new RenewalAuthority(common) : undefined,
    tokenIssuer: joinTokens && new JoinTokenIssuer({ authority: identity, tokens: joinTokens, urls, audit: record }),
    open: async () => {
      await registry.open();
      // Signed long ago, by masters that may have been revoked since: that must not keep this node from starting.
      const refused = (cause: unknown): void => log.debug("a record of this node's beginning is void", { cause });
      await acceptStillGood(identity.records, { stores: registry.stores, refused });
      await crls.open();
      if (issuer !== undefined) await issued.open();
      await joinTokens?.open();
      await audit.open();
    },
    nameOf: (id) => registry.node(id)?.name ?? id,
    record: (event) => void record(event),
  };
}

function otherMasters(registry: Registry, self: string): string[] {
  return registry.masters().flatMap(({ node, url }) => (node === self || url === undefined ? [] : [url]));
}
