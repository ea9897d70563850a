// A master's own audit log: what nodes of the mesh did, in the order in which this master received it.

import type { Clock } from "../../core/clock.js";
import { HerdError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import { aheadLimitMs, decodeSigned, encodeSigned, recordId, type Signed, type Signer } from "../../core/signed.js";
import { TokenBuckets } from "../../core/token-buckets.js";
import { SharedWrites } from "../../storage/shared-writes.js";
import type { StateFiles } from "../../storage/state-files.js";
import { mayRecord, parseAudit } from "../registry/audit-record.js";
import { payloadText } from "../registry/records.js";
import type { Registry } from "../registry/registry.js";
import { type AuditEntry, auditRecordLimit, chainStart, entryHash } from "./chain.js";
import { AuditSegments } from "./segments.js";
import type { AuditHeads } from "./witnessed-heads.js";

/**
 * What a log is made of. `publish` accepts a record here and spreads it (mesh `Replica`); `signer` is this master's.
 */
interface AuditLogOptions {
  readonly meshId: string;
  readonly signer: Signer;
  readonly files: StateFiles;
  readonly clock: Clock;
  readonly registry: Pick<Registry, "verify">;
  readonly heads: Pick<AuditHeads, "newest">;
  readonly publish: (kind: string, text: string) => Promise<void>;
  readonly log: Logger;
}

/** How much each node may record: a node that goes wrong must not fill everyone's audit log. */
const recordRate = { burst: 500, perSecond: 5 };

interface Pending {
  readonly text: string;
  readonly id: string;
}

/**
 * The log that this master writes: appends are durable when they resolve, and those that come together share a write.
 */
export class AuditLog {
  readonly entries: AuditSegments;
  readonly #options: AuditLogOptions;
  readonly #rates: TokenBuckets;
  /** Which records are in the log, all of them: one that is delivered twice, even years later, is there once. */
  readonly #ids = new Set<string>();
  readonly #writes: SharedWrites<Pending, undefined>;
  #announcing: Promise<void> | undefined;
  /** The entry whose head this process published last. */
  #announced = 0;
  /** Whether a head was requested since the last one was begun. */
  #due = false;

  constructor(options: AuditLogOptions) {
    this.#options = options;
    this.entries = new AuditSegments(options.files, "log");
    this.#rates = new TokenBuckets({ clock: options.clock, ...recordRate });
    this.#writes = new SharedWrites({ write: (batch) => this.#write(batch), drained: () => this.announce() });
  }

  /** Reads the log. Throws `internal` naming a file that is damaged. */
  async open(): Promise<void> {
    await this.entries.open();
    for await (const { record } of this.entries.backwards()) {
      const signed = decodeSigned(record);
      if (signed !== undefined) this.#ids.add(shortId(signed));
    }
    const known = this.#options.heads.newest(this.#options.signer.nodeId);
    if (known !== undefined && known.seq > this.entries.length) {
      this.#options.log.error(
        `the audit log ends at ${this.entries.length}, but went to ${known.seq}: entries are lost`,
      );
    }
  }

  /**
   * Adds a record; one that is there already is fine. Throws `auth.invalid` for what its signer may not record,
   * `node.unavailable` while the signer is unknown here, `request.throttled` for a signer that records too much.
   */
  async append(text: string): Promise<void> {
    const signed = this.#check(text);
    const id = shortId(signed);
    if (this.#ids.has(id)) return;
    await this.#writes.add({ text: encodeSigned(signed), id });
  }

  /**
   * Signs and publishes how far the log goes: after each write, and at the start, since a crash may have come between.
   */
  announce(): void {
    this.#due = true;
    this.#announcing ??= this.#publishHeads().finally(() => {
      this.#announcing = undefined;
      if (this.#due) this.announce();
    });
  }

  /** Resolves once the head of all that was added is with the replica. */
  async settled(): Promise<void> {
    await this.#writes.idle();
    while (this.#announcing !== undefined) await this.#announcing;
  }

  #check(text: string): Signed {
    const signed = text.length > auditRecordLimit ? undefined : decodeSigned(text);
    const payload = signed && parseAudit(signed);
    if (signed === undefined || payload === undefined || payload.mesh !== this.#options.meshId) {
      throw new HerdError("auth.invalid", "not an audit record of this mesh");
    }
    const actor = this.#options.registry.verify(signed);
    if (actor === "unknown") {
      throw new HerdError("node.unavailable", `node ${signed.signer} is not known here yet`, { retryAfterSeconds: 1 });
    }
    if (!mayRecord(payload.event, actor)) {
      throw new HerdError("auth.invalid", `${payload.event} is not for node ${actor.id} to record`);
    }
    if (payload.at > this.#options.clock.now() + aheadLimitMs) {
      throw new HerdError("auth.invalid", "the audit record is dated in the future");
    }
    if (actor.id !== this.#options.signer.nodeId && !this.#rates.take(actor.id)) {
      throw new HerdError("request.throttled", `node ${actor.id} records too much`, { retryAfterSeconds: 10 });
    }
    return signed;
  }

  async #write(batch: readonly Pending[]): Promise<readonly undefined[]> {
    const added: AuditEntry[] = [];
    const ids = new Set<string>();
    const at = this.#options.clock.now();
    const { last } = this.entries;
    let [seq, prev] = last === undefined ? [0, chainStart] : [last.seq, this.#hash(last)];
    for (const { text, id } of batch) {
      if (this.#ids.has(id) || ids.has(id)) continue;
      ids.add(id);
      const entry = { seq: ++seq, prev, record: text, at };
      prev = this.#hash(entry);
      added.push(entry);
    }
    try {
      await this.entries.extend(added);
    } finally {
      // A write over two segments can fail after the first: what is in must not come in again.
      const from = last?.seq ?? 0;
      for (const id of [...ids].slice(0, this.entries.length - from)) this.#ids.add(id);
    }
    return [];
  }

  /** Publishes head after head until it is the log's; a failure is logged and left to the next record. */
  async #publishHeads(): Promise<void> {
    const { log } = this.#options;
    try {
      while (this.#due) {
        this.#due = false;
        await this.#publishHead();
      }
    } catch (cause) {
      log.error("the head of the audit log could not be published", { cause });
    }
  }

  /** Only what is durable is signed, so a crash leaves the log ahead of its head, never behind. */
  async #publishHead(): Promise<void> {
    const { meshId, signer, clock, heads, publish } = this.#options;
    const { last } = this.entries;
    const known = heads.newest(signer.nodeId);
    if (last === undefined || this.#announced === last.seq) return;
    const hash = this.#hash(last);
    if (known?.seq === last.seq && known.hash === hash) return;
    // Heads are dated in their order, whatever the clock does.
    const at = Math.max(clock.now(), (known?.at ?? 0) + 1);
    const head = { kind: "head", mesh: meshId, master: signer.nodeId, seq: last.seq, hash, at } as const;
    await publish("head", encodeSigned(signer.sign(payloadText(head))));
    this.#announced = last.seq;
  }

  #hash(entry: AuditEntry): string {
    return entryHash(entry, { meshId: this.#options.meshId, master: this.#options.signer.nodeId });
  }
}

/** The first 128 bits of a record's id, as 16 characters of one byte each: all ids of a log are in memory. */
function shortId(signed: Signed): string {
  return Buffer.from(recordId(signed).slice(0, 32), "hex").toString("latin1");
}
