// The audit log of a mesh at one node: what it records itself, a master's log, copies of the others', and the heads of all.

import type { Clock } from "../core/clock.js";
import { HerdError } from "../core/errors.js";
import type { Logger } from "../core/log.js";
import { decodeSigned } from "../core/signed.js";
import type { Timers } from "../core/timers.js";
import type { Publish } from "../mesh/ports.js";
import type { LinkSet } from "../mesh/transport/link-set.js";
import { Auditor } from "../pki/audit/auditor.js";
import { type AuditBundle, auditBundle } from "../pki/audit/bundle.js";
import { AuditCopies, answerAuditAsk } from "../pki/audit/copies.js";
import { AuditFollower } from "../pki/audit/follower.js";
import { AuditHeads } from "../pki/audit/heads.js";
import { type ListedRecord, listAudit } from "../pki/audit/list.js";
import { AuditLog } from "../pki/audit/log.js";
import type { Identity } from "../pki/identity/identity.js";
import type { Registry } from "../pki/registry/registry.js";
import { askMasters } from "./ask-masters.js";

/** The audit log: its records at a master, its heads everywhere. */
export interface AuditView {
  /** The newest records that match, oldest first. */
  list(query: {
    readonly limit: number;
    readonly event?: string | undefined;
  }): Promise<readonly ListedRecord[]> | readonly ListedRecord[];
  /** All that an offline proof needs, as JSON. */
  bundle(): Promise<AuditBundle> | AuditBundle;
  /** Texts of the signed heads that this node has seen, whoever's log they are of. */
  heads(): readonly string[];
}

/** The audit log here. */
export interface AuditParts {
  readonly auditor: Auditor;
  readonly heads: AuditHeads;
  readonly view: AuditView;
  open(): Promise<void>;
  /** Registers what peers ask and watches for masters; `links` must not have started. */
  start(): void;
  stop(): Promise<void>;
}

/** What the parts need; `links` are there once the parts start. */
export interface AuditDependencies {
  readonly identity: Pick<Identity, "meshId" | "signer" | "nodeId" | "nodeName" | "isMaster" | "files">;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  readonly registry: Registry;
  readonly publish: Publish;
  readonly links: () => LinkSet;
}

const askTimeoutMs = 5_000;
const headsTimeoutMs = 1_000;
/** Far more than a node keeps of one mesh, and what is believed to be a mistake rather than malice. */
const maxHeads = 1_024;
const maxFalseHeads = 8;

/** Builds the parts; nothing is read yet. */
export async function auditParts(dependencies: AuditDependencies): Promise<AuditParts> {
  const { identity, clock, timers, log, registry, publish, links } = dependencies;
  const { meshId, signer, nodeId: self, isMaster } = identity;
  const files = await identity.files("audit");
  const copies = new AuditCopies({
    ...{ meshId, files, log },
    ask: (master, body) => linkTo(links(), master).request("audit-log", body, { timeoutMs: askTimeoutMs }),
  });
  const linked = (): string[] =>
    links()
      .all()
      .flatMap(({ peer }) => (peer.master ? [peer.nodeId] : []));
  const follower = new AuditFollower({ copies, linked, timers, log });
  const heads = new AuditHeads({
    ...{ meshId, files, clock, registry, log },
    advanced: (master) => {
      if (isMaster && master !== self) follower.pull(master);
    },
  });
  const own = isMaster
    ? new AuditLog({ ...{ meshId, signer, files, clock, registry, heads, publish, log } })
    : undefined;
  const auditor = new Auditor({
    ...{ meshId, signer, files, clock, timers, log },
    deliver: async (text) => {
      if (own !== undefined) return own.append(text);
      await askMasters(links(), { kind: "audit", body: text, timeoutMs: askTimeoutMs });
    },
  });
  let unwatch = (): void => undefined;
  return {
    auditor,
    heads,
    view: viewOf(),
    open: async () => {
      await heads.open();
      await own?.open();
      if (own !== undefined) await copies.open();
      await auditor.open();
      // Not only by the process that founded the mesh, which may have been killed before it said so.
      const isFounder = registry.node(self)?.approvedBy === "founder";
      if (isFounder && own?.entries.length === 0 && auditor.waiting === 0) {
        await auditor.record({ event: "mesh.founded", by: "founder", subject: self, detail: identity.nodeName });
      }
    },
    start: () => {
      links().handle("audit-heads", () => heads.texts());
      if (own !== undefined) {
        links().handle("audit", (body, { peer }) => append(own, { body, from: peer.nodeId }));
        links().handle("audit-log", (body, { peer }) => {
          // It says what GET /v1/audit says to admins alone.
          if (!peer.master) throw new HerdError("auth.forbidden", "audit logs are copied by masters");
          return answerAuditAsk(body, { master: self, entries: own.entries });
        });
      }
      unwatch = links().watch({
        opened: ({ peer }) => {
          if (!peer.master) return;
          auditor.retry();
          if (own !== undefined) follower.pull(peer.nodeId);
        },
      });
      if (own !== undefined) follower.start();
      auditor.start();
      own?.announce();
    },
    stop: async () => {
      unwatch();
      await follower.stop();
      await auditor.stop();
      await own?.settled();
      await heads.settled();
    },
  };

  function viewOf(): AuditView {
    return {
      heads: () => heads.texts(),
      list: (query) => (own === undefined ? [] : listAudit({ self, own: own.entries, copies }, query)),
      bundle: async () => {
        if (own === undefined) throw new HerdError("node.unavailable", "a master keeps the audit log");
        const otherHeads = () => askForHeads(links(), { heads, log });
        return auditBundle({ registry, self, own: own.entries, copies, heads, otherHeads, clock });
      },
    };
  }
}

/** What others have seen keeps this master honest; who does not answer in a second, or with what no master signed, is left out. */
async function askForHeads(links: LinkSet, { heads, log }: { heads: AuditHeads; log: Logger }): Promise<string[]> {
  const proved = new Set(heads.texts());
  await Promise.allSettled(
    links.all().map(async (link) => {
      const answer = await link.request("audit-heads", null, { timeoutMs: headsTimeoutMs });
      let wrong = 0;
      for (const text of Array.isArray(answer) ? answer.slice(0, maxHeads) : []) {
        if (proved.has(text)) continue;
        if (typeof text === "string" && heads.proves(text)) proved.add(text);
        else if (++wrong >= maxFalseHeads) break;
      }
      // A false head in a proof would read as a master's lie.
      const peer = link.peer.nodeId;
      if (wrong > 0) log.warn("a peer shows heads of audit logs that no master signed", { peer, repeat: peer });
    }),
  );
  return [...proved];
}

/** A node delivers what it signed itself: with others' records it could use up what they may record. */
async function append(own: AuditLog, { body, from }: { body: unknown; from: string }): Promise<null> {
  const signer = typeof body === "string" ? decodeSigned(body)?.signer : undefined;
  if (typeof body !== "string" || signer === undefined) {
    throw new HerdError("request.malformed", "an audit record is a signed text");
  }
  if (signer !== from) throw new HerdError("auth.invalid", "an audit record is for its signer to deliver");
  await own.append(body);
  return null;
}

function linkTo(links: LinkSet, node: string) {
  const link = links.get(node);
  if (link === undefined) throw new HerdError("node.unavailable", `no link to ${node}`);
  return link;
}
