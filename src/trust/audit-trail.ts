// The audit log of a mesh at one node: what the node records, a master's log, copies of the other masters', the heads
// of all.

import type { Clock } from "../core/clock.js";
import { HerdError } from "../core/errors.js";
import type { Logger } from "../core/log.js";
import { decodeSigned } from "../core/signed.js";
import type { Timers } from "../core/timers.js";
import type { Links, Publish } from "../mesh/ports.js";
import { Auditor } from "../pki/audit/auditor.js";
import { AuditCopies, answerAuditRequest } from "../pki/audit/copies.js";
import { AuditFollower } from "../pki/audit/follower.js";
import { AuditLog } from "../pki/audit/log.js";
import { AuditHeads } from "../pki/audit/witnessed-heads.js";
import type { Identity } from "../pki/identity/identity.js";
import type { Registry } from "../pki/registry/registry.js";
import type { StateFiles } from "../storage/state-files.js";
import { type AuditView, auditView, headsKind } from "./audit-view.js";
import { requestFromMasters } from "./master-request.js";

/** The kinds of requests: to append a record to a master's log, and for a page of it. */
const appendKind = "audit";
const pageKind = "audit-log";
const requestTimeoutMs = 5_000;

/** What the trail is built from; `links` are there once it starts. */
interface AuditTrailOptions {
  readonly identity: Pick<Identity, "meshId" | "signer" | "nodeId" | "nodeName" | "isMaster">;
  readonly files: StateFiles;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  readonly registry: Registry;
  readonly publish: Publish;
  readonly links: () => Links;
}

/** The audit log here. */
export class AuditTrail {
  readonly auditor: Auditor;
  readonly heads: AuditHeads;
  readonly view: AuditView;
  readonly #options: AuditTrailOptions;
  readonly #copies: AuditCopies;
  readonly #follower: AuditFollower;
  /** The log that a master writes. */
  readonly #own: AuditLog | undefined;
  #unwatch = (): void => undefined;

  constructor(options: AuditTrailOptions) {
    const { identity, files, clock, timers, log, registry, publish, links } = options;
    const { meshId, signer, nodeId: self, isMaster } = identity;
    this.#options = options;
    this.#copies = new AuditCopies({ meshId, files, log, request: (master, body) => this.#requestPage(master, body) });
    this.#follower = new AuditFollower({ copies: this.#copies, linked: () => this.#linkedMasters(), timers, log });
    this.heads = new AuditHeads({
      meshId,
      files,
      clock,
      registry,
      log,
      advanced: (master) => {
        if (isMaster && master !== self) this.#follower.pull(master);
      },
    });
    const { heads } = this;
    this.#own = isMaster ? new AuditLog({ meshId, signer, files, clock, registry, heads, publish, log }) : undefined;
    this.auditor = new Auditor({
      meshId,
      signer,
      files,
      clock,
      timers,
      log,
      deliver: (text) => this.#deliver(text),
    });
    this.view = auditView({ self, own: this.#own, copies: this.#copies, heads, registry, links, clock, log });
  }

  /** Reads what was kept. The founder's first record is written here: its first process may have been killed before. */
  async open(): Promise<void> {
    const { registry, identity } = this.#options;
    const { nodeId: subject, nodeName: detail } = identity;
    await this.heads.open();
    await this.#own?.open();
    if (this.#own !== undefined) await this.#copies.open();
    await this.auditor.open();
    const isFounder = registry.node(subject)?.approvedBy === "founder";
    if (isFounder && this.#own?.entries.length === 0 && this.auditor.waiting === 0) {
      await this.auditor.record({ event: "mesh.founded", by: "founder", subject, detail });
    }
  }

  /** Registers the requests of peers and watches for masters; the links must not have started. */
  start(): void {
    const links = this.#options.links();
    const own = this.#own;
    links.handle(headsKind, () => this.heads.texts());
    if (own !== undefined) this.#serve(links, own);
    this.#unwatch = links.watch({
      opened: ({ peer }) => {
        if (!peer.master) return;
        this.auditor.retry();
        if (own !== undefined) this.#follower.pull(peer.nodeId);
      },
    });
    if (own !== undefined) this.#follower.start();
    this.auditor.start();
    own?.announce();
  }

  async stop(): Promise<void> {
    this.#unwatch();
    await this.#follower.stop();
    await this.auditor.stop();
    await this.#own?.settled();
    await this.heads.settled();
  }

  #serve(links: Links, own: AuditLog): void {
    const { nodeId: master } = this.#options.identity;
    links.handle(appendKind, (body, { peer }) => append(own, { body, from: peer.nodeId }));
    links.handle(pageKind, (body, { peer }) => {
      // A page holds what GET /v1/audit shows to admins alone.
      if (!peer.master) throw new HerdError("auth.forbidden", "audit logs are copied by masters");
      return answerAuditRequest(body, { master, entries: own.entries });
    });
  }

  async #deliver(text: string): Promise<void> {
    if (this.#own !== undefined) return this.#own.append(text);
    await requestFromMasters(this.#options.links(), { kind: appendKind, body: text, timeoutMs: requestTimeoutMs });
  }

  #linkedMasters(): string[] {
    const links = this.#options.links().all();
    return links.flatMap(({ peer }) => (peer.master ? [peer.nodeId] : []));
  }

  #requestPage(master: string, body: unknown): Promise<unknown> {
    const link = this.#options.links().get(master);
    if (link === undefined) throw new HerdError("node.unavailable", `no link to ${master}`);
    return link.request(pageKind, body, { timeoutMs: requestTimeoutMs });
  }
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
