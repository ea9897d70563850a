// The nodes of the mesh and what they may do: registry, tokens, audit log, revocations, and what a master adds to
// those.

import type { Clock } from "../core/clock.js";
import type { Logger } from "../core/log.js";
import type { Timers } from "../core/timers.js";
import type { Publish, RecordStore } from "../mesh/ports.js";
import type { LinkSet } from "../mesh/transport/link-set.js";
import { CrlIssuer, CrlStore } from "../pki/identity/crl-store.js";
import type { IssuedCertificate } from "../pki/identity/enrollment-issue.js";
import type { Identity } from "../pki/identity/identity.js";
import { IssuedLedger } from "../pki/identity/issued-ledger.js";
import { bootstrapRecords } from "../pki/join/bootstrap-records.js";
import { RegistrationAuthority, type RegistrationAuthorityOptions } from "../pki/join/registration-authority.js";
import { RenewalAuthority } from "../pki/join/renewal-authority.js";
import { JoinTokenIssuer } from "../pki/join/token-issuer.js";
import { JoinTokens } from "../pki/join/tokens.js";
import type { AuditEvent } from "../pki/registry/audit-record.js";
import { Registry } from "../pki/registry/registry.js";
import { Revoker } from "../pki/registry/revocation.js";
import { AuditTrail } from "./audit-trail.js";
import { acceptStillGood } from "./records-intake.js";

/** What a node knows and proves about the mesh. */
export interface TrustParts {
  readonly registry: Registry;
  readonly audit: AuditTrail;
  /** The stores of all records that are about nodes and tokens, in the order of their dependencies. */
  readonly stores: readonly RecordStore[];
  readonly revoker: Revoker;
  readonly crls: CrlStore;
  /** What only a master has. */
  readonly master: MasterParts | undefined;
  /** Reads what was kept. */
  open(): Promise<void>;
  /** A node's name for people: its id while no record names it. */
  nameOf(id: string): string;
  /** Adds to the audit log, without waiting. */
  record(event: AuditEvent): void;
  /** What this node may do for others now: nothing once it was revoked, since what it signs is worth nothing. */
  readonly marks: () => { readonly master: boolean; readonly deploy: boolean };
}

/** A master's registration authority, renewals, join tokens and revocation list. */
interface MasterParts {
  readonly registrationAuthority: RegistrationAuthority;
  readonly renewalAuthority: RenewalAuthority;
  readonly tokenIssuer: JoinTokenIssuer;
  readonly crlIssuer: CrlIssuer;
  open(): Promise<void>;
}

/** What the parts are built from. */
interface TrustContext {
  readonly identity: Identity;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  /** This node's HTTPS address. */
  readonly url: string;
  /** See `ReEnrollmentAuthority`. */
  readonly returnDays: number;
}

type JoinHooks = Pick<RegistrationAuthorityOptions, "onPending" | "audit">;

/** Further dependencies of the parts; the links exist once the parts start. */
interface TrustDependencies {
  readonly publish: Publish;
  readonly links: () => LinkSet;
  /** What a registration authority calls, around what writes the audit log. */
  readonly joinHooks: (sources: Pick<JoinHooks, "audit"> & { readonly registry: Registry }) => JoinHooks;
}

/** Builds the parts; nothing is read yet. */
export async function trustParts(context: TrustContext, dependencies: TrustDependencies): Promise<TrustParts> {
  const { identity, clock, log } = context;
  const { publish, links } = dependencies;
  const { meshId, rootCertificate, signer, tokens } = identity;
  const registry = new Registry({ meshId, rootCertificate, files: await identity.files("registry"), clock, log });
  const audit = new AuditTrail({ ...context, files: await identity.files("audit"), registry, publish, links });
  const record = (event: AuditEvent): Promise<void> => audit.auditor.record(event);
  tokens.connect({ authors: registry, publish, audit: record });
  const crls = new CrlStore({ meshId, files: await identity.files("crl"), clock, registry });
  const master = await masterParts(context, { ...dependencies, registry, crls, audit: record });
  const alsoRepeats = [tokens, audit.heads];
  return {
    registry,
    audit,
    crls,
    master,
    stores: [...registry.stores, ...tokens.stores, audit.heads.store, crls.store],
    revoker: new Revoker({ registry, signer, clock, log, publish, audit: record, alsoRepeats }),
    open: async () => {
      await registry.open();
      // Signed long ago, by masters that may have been revoked since: that must not keep this node from starting.
      const refused = (cause: unknown): void => log.debug("a record of this node's beginning is void", { cause });
      await acceptStillGood(identity.records, { stores: registry.stores, refused });
      await crls.open();
      await master?.open();
      await audit.open();
    },
    nameOf: (id) => registry.node(id)?.name ?? id,
    record: (event) => void record(event),
    marks: () => {
      const trusted = !registry.isRevoked(identity.nodeId);
      return { master: trusted && identity.isMaster, deploy: trusted && identity.mayDeploy };
    },
  };
}

/** What a master adds; `undefined` for a node that is none. */
async function masterParts(
  { identity, clock, timers, log, url, returnDays }: TrustContext,
  {
    publish,
    joinHooks,
    registry,
    crls,
    audit,
  }: TrustDependencies & { registry: Registry; crls: CrlStore; audit: RegistrationAuthorityOptions["audit"] },
): Promise<MasterParts | undefined> {
  const { meshId, signer, nodeId, masterIssuer: issuer } = identity;
  if (issuer === undefined) return undefined;
  const ledger = new IssuedLedger({ files: await identity.files("issued"), clock });
  const tokens = new JoinTokens({ files: await identity.files("join"), clock });
  const issued = (id: string, certificates: readonly IssuedCertificate[]) => ledger.record(id, certificates);
  const urls = (): string[] => [url, ...otherMasters(registry, nodeId)];
  const records = (id: string): string[] => bootstrapRecords(registry, { nodeId: id, master: nodeId });
  return {
    registrationAuthority: new RegistrationAuthority({
      authority: identity,
      registry,
      issued,
      tokens,
      clock,
      publish,
      records,
      returnDays,
      ...joinHooks({ registry, audit }),
    }),
    renewalAuthority: new RenewalAuthority({ authority: identity, registry, issued, audit }),
    tokenIssuer: new JoinTokenIssuer({ authority: identity, tokens, urls, audit }),
    crlIssuer: new CrlIssuer({ meshId, issuer, signer, issued: ledger, crls, registry, publish, clock, timers, log }),
    open: async () => {
      await ledger.open();
      await tokens.open();
    },
  };
}

function otherMasters(registry: Registry, self: string): string[] {
  return registry.masters().flatMap(({ node, url }) => (node === self || url === undefined ? [] : [url]));
}
