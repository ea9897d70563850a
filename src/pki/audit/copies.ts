// Copies of other masters' audit logs: what a master keeps, so that a log outlives its master and cannot be rewritten
// by it.

import * as z from "zod";
import { HerdError } from "../../core/errors.js";
import type { Logger } from "../../core/log.js";
import { isNodeId } from "../../core/node-id.js";
import type { StateFiles } from "../../storage/state-files.js";
import * as field from "../registry/record-fields.js";
import { type AuditEntry, auditEntrySchema, chainStart, entryHash } from "./chain.js";
import { AuditSegments } from "./segments.js";

/** Entries in one answer of the ask `audit-log`. */
const pageEntries = 256;

const requestShape = z.object({
  master: field.nodeId,
  from: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
});

const pageShape = z.object({ entries: z.array(auditEntrySchema).max(pageEntries) });

/** A page of a master's log, from entry `from` on: the ask `audit-log`. */
type AuditPageRequest = z.infer<typeof requestShape>;

/**
 * What copies are kept with; `request` sends a request to the master itself, and `mismatch` receives an answer that
 * contradicts an earlier one.
 */
interface AuditCopiesOptions {
  readonly meshId: string;
  readonly files: StateFiles;
  readonly log: Logger;
  readonly request: (master: string, body: AuditPageRequest) => Promise<unknown>;
}

/**
 * Answers the ask `audit-log` from a master's own log. Throws `request.malformed`, and `node.unknown` for another's.
 */
export async function answerAuditRequest(
  body: unknown,
  { master, entries }: { master: string; entries: AuditSegments },
): Promise<{ readonly entries: readonly AuditEntry[] }> {
  const parsed = requestShape.safeParse(body);
  if (!parsed.success) throw new HerdError("request.malformed", "not a request for an audit log");
  if (parsed.data.master !== master) throw new HerdError("node.unknown", "this node gives its own audit log only");
  return { entries: await entries.read(parsed.data.from, pageEntries) };
}

/** One copy per master. It only grows, and only by what continues it. */
export class AuditCopies {
  readonly #options: AuditCopiesOptions;
  readonly #copies = new Map<string, Promise<AuditSegments>>();
  readonly #pulls = new Map<string, Promise<void>>();
  readonly #mismatches = new Set<string>();

  constructor(options: AuditCopiesOptions) {
    this.#options = options;
  }

  /** Opens the copies that are there. */
  async open(): Promise<void> {
    for (const name of await this.#options.files.list()) {
      const master = /^copy-(\w+)-\d+$/.exec(name)?.[1];
      if (isNodeId(master)) await this.of(master);
    }
  }

  /** Masters whose log was copied, if only in part. */
  masters(): string[] {
    return [...this.#copies.keys()];
  }

  /** Masters whose log is no longer what it was when it was copied: their copies are kept as they were. */
  mismatches(): string[] {
    return [...this.#mismatches];
  }

  /** The copy of a master's log. */
  of(master: string): Promise<AuditSegments> {
    const known = this.#copies.get(master);
    if (known !== undefined) return known;
    const opened = (async () => {
      const copy = new AuditSegments(this.#options.files, `copy-${master}`);
      await copy.open();
      return copy;
    })();
    this.#copies.set(master, opened);
    return opened;
  }

  /**
   * Brings the copy up to what its master has now; pulls of one master that overlap are one. Rejects when the master
   * does not answer.
   */
  pull(master: string): Promise<void> {
    const running = this.#pulls.get(master);
    if (running !== undefined) return running;
    const pull = this.#pull(master).finally(() => this.#pulls.delete(master));
    this.#pulls.set(master, pull);
    return pull;
  }

  async #pull(master: string): Promise<void> {
    const copy = await this.of(master);
    const owner = { meshId: this.#options.meshId, master };
    for (;;) {
      // From the last entry that is known, which must still be the same.
      const overlap = copy.last;
      const page = pageShape.safeParse(await this.#options.request(master, { master, from: overlap?.seq ?? 1 }));
      if (!page.success) throw new HerdError("auth.invalid", `master ${master} does not answer with its audit log`);
      let entries = page.data.entries;
      if (overlap !== undefined) {
        const [first, ...rest] = entries;
        if (first === undefined || entryHash(first, owner) !== entryHash(overlap, owner)) {
          this.#differs(master);
          return;
        }
        entries = rest;
      }
      if (entries.length === 0) return;
      let seq = copy.length;
      let prev = overlap === undefined ? chainStart : entryHash(overlap, owner);
      for (const entry of entries) {
        if (entry.seq !== ++seq || entry.prev !== prev) {
          this.#differs(master);
          return;
        }
        prev = entryHash(entry, owner);
      }
      await copy.extend(entries);
    }
  }

  #differs(master: string): void {
    if (this.#mismatches.has(master)) return;
    this.#mismatches.add(master);
    this.#options.log.error(
      `the audit log of master ${master} is not what it was: its copy here is kept; run herd audit verify`,
    );
  }
}
